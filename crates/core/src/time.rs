//! Instants, days, months and spans (R-DAY).
//!
//! Decisions are made in microseconds UTC ([`Instant`]); what a source wrote is kept finer ([`RawInstant`])
//! because order is decided before rounding (details 21).

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;

/// Microseconds in a day.
pub const DAY_MICROS: i64 = 86_400_000_000;
const NANOS_PER_MICRO: i128 = 1_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// An instant as its source wrote it: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawInstant(pub i128);

impl RawInstant {
    /// The instant of a whole number of microseconds.
    pub fn from_micros(micros: i64) -> RawInstant {
        RawInstant(i128::from(micros).saturating_mul(NANOS_PER_MICRO))
    }

    /// Rounded up to a microsecond: how a `from` is read (R-DAY-5, against credit).
    pub fn up(self) -> Instant {
        let down = self.0.div_euclid(NANOS_PER_MICRO);
        let exact = self.0.rem_euclid(NANOS_PER_MICRO) == 0;
        Instant::saturating(if exact { down } else { down.saturating_add(1) })
    }

    /// Rounded down to a microsecond: how an `until` and the cutoff are read (R-DAY-5).
    pub fn down(self) -> Instant {
        Instant::saturating(self.0.div_euclid(NANOS_PER_MICRO))
    }

    /// This instant moved by whole seconds.
    pub fn plus_seconds(self, seconds: i64) -> RawInstant {
        RawInstant(self.0.saturating_add(i128::from(seconds).saturating_mul(1_000_000_000)))
    }
}

/// Microseconds since 1970-01-01T00:00:00Z. The extremes mean "since ever" and "open".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// Since ever.
    pub const MIN: Instant = Instant(i64::MIN);
    /// Open: no `until` is known.
    pub const MAX: Instant = Instant(i64::MAX);

    fn saturating(micros: i128) -> Instant {
        Instant(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Microseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub fn micros_since(self, earlier: Instant) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }

    /// The same instant as a [`RawInstant`].
    pub fn raw(self) -> RawInstant {
        RawInstant::from_micros(self.0)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Instant::MIN => f.write_str("since ever"),
            Instant::MAX => f.write_str("open"),
            Instant(micros) => match jiff::Timestamp::from_microsecond(micros) {
                Ok(stamp) => write!(f, "{stamp}"),
                Err(_) => write!(f, "{micros} µs"),
            },
        }
    }
}

/// A calendar day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Since ever, in validity spans of whole days.
    pub const MIN: Day = Day(i32::MIN);
    /// Open, in validity spans of whole days.
    pub const MAX: Day = Day(i32::MAX);

    /// The span of this usage day: `[00:00, 24:00)` UTC moved by `offset_minutes` (R-DAY-1, details 7).
    pub fn span(self, offset_minutes: i32) -> Span {
        let offset = i64::from(offset_minutes).saturating_mul(60_000_000);
        let from = i64::from(self.0).saturating_mul(DAY_MICROS).saturating_add(offset);
        Span { from: Instant(from), until: Instant(from.saturating_add(DAY_MICROS)) }
    }

    /// The civil date, if it lies in the years -9999..=9999.
    pub fn date(self) -> Option<Date> {
        EPOCH.checked_add(jiff::Span::new().try_days(self.0).ok()?).ok()
    }

    /// The day of a civil date.
    pub fn from_date(date: Date) -> Day {
        Day(date.since(EPOCH).map_or(0, |span| span.get_days()))
    }

    /// The day before.
    pub fn before(self) -> Day {
        Day(self.0.saturating_sub(1))
    }

    /// The month the day lies in, as `YYYY-MM`.
    pub fn month(self) -> String {
        match self.date() {
            Some(d) => format!("{:04}-{:02}", d.year(), d.month()),
            None => String::from("0000-00"),
        }
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.date() {
            Some(d) => write!(f, "{d}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// `[from, until)` in UTC, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First instant inside.
    pub from: Instant,
    /// First instant after; [`Instant::MAX`] = open.
    pub until: Instant,
}

impl Span {
    /// All time.
    pub const ALWAYS: Span = Span { from: Instant::MIN, until: Instant::MAX };

    /// The span, or `None` if it would be empty or inverted.
    pub fn new(from: Instant, until: Instant) -> Option<Span> {
        (from < until).then_some(Span { from, until })
    }

    /// The part inside `other`, if any.
    pub fn cut(self, other: Span) -> Option<Span> {
        Span::new(self.from.max(other.from), self.until.min(other.until))
    }

    /// Whether the two share an instant.
    pub fn overlaps(self, other: Span) -> bool {
        self.cut(other).is_some()
    }

    /// Length in microseconds.
    pub fn micros(self) -> i64 {
        self.until.micros_since(self.from)
    }
}

/// The union of spans: sorted, disjoint, touching spans merged.
pub fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => merged.push(span),
        }
    }
    merged
}

/// What `covered` (a union, see [`union`]) leaves open of `whole`.
pub fn gaps(whole: Span, covered: &[Span]) -> Vec<Span> {
    let mut open = Vec::new();
    let mut from = whole.from;
    for span in covered.iter().filter_map(|s| s.cut(whole)) {
        open.extend(Span::new(from, span.from));
        from = from.max(span.until);
    }
    open.extend(Span::new(from, whole.until));
    open
}

/// Reads an instant: RFC 3339, ISO without zone (= UTC), a bare date (midnight UTC), or `M/D/YYYY [h:mm[:ss] [AM|PM]]`.
pub fn parse_instant(text: &str) -> Option<RawInstant> {
    let text = text.trim();
    if text.contains('/') {
        return instant_of(parse_american(text)?, 0);
    }
    let extended_form = text.as_bytes().get(4) == Some(&b'-');
    let pieces = Pieces::parse(text).ok().filter(|p| extended_form && p.time_zone_annotation().is_none())?;
    let time = pieces.time().unwrap_or(Time::midnight());
    let offset = pieces.to_numeric_offset().map_or(0, |offset| offset.seconds());
    instant_of(pieces.date().to_datetime(time), offset)
}

/// Civil arithmetic, not a timestamp type: 9999-12-31 is how many tables write "open".
fn instant_of(civil: DateTime, offset_seconds: i32) -> Option<RawInstant> {
    let (day, time) = (Day::from_date(civil.date()), civil.time());
    let minutes = i128::from(time.hour()).checked_mul(60)?.checked_add(i128::from(time.minute()))?;
    let seconds = minutes.checked_mul(60)?.checked_add(i128::from(time.second()))?.checked_sub(i128::from(offset_seconds))?;
    let whole = i128::from(day.0).checked_mul(86_400)?.checked_add(seconds)?;
    whole.checked_mul(1_000_000_000)?.checked_add(i128::from(time.subsec_nanosecond())).map(RawInstant)
}

/// Reads a date: like [`parse_instant`], and the UTC date of that instant (details 7).
pub fn parse_day(text: &str) -> Option<Day> {
    let nanos = parse_instant(text)?.0;
    let days = nanos.div_euclid(i128::from(DAY_MICROS).saturating_mul(NANOS_PER_MICRO));
    i32::try_from(days).ok().map(Day)
}

fn parse_american(text: &str) -> Option<DateTime> {
    // strptime would read year 26 as the year 26.
    let four_digit_year = text.rsplit('/').next()?.split(' ').next()?.len() == 4;
    if !four_digit_year {
        return None;
    }
    const SHAPES: [&str; 5] = ["%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p"];
    let first = Date::strptime(SHAPES[0], text).ok().map(|d| d.to_datetime(jiff::civil::Time::midnight()));
    first.or_else(|| SHAPES.iter().skip(1).find_map(|shape| DateTime::strptime(shape, text).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        Span::new(Instant(from), Instant(until)).expect("test span")
    }

    #[test]
    fn instants_round_against_credit() {
        let raw = parse_instant("2026-09-01T00:00:00.0000001Z").expect("instant");
        assert_eq!(raw.up().0 - raw.down().0, 1);
        assert_eq!(parse_instant("2026-09-01T02:00:00+02:00"), parse_instant("2026-09-01"));
    }

    #[test]
    fn dates_are_read_in_every_spelling_of_the_contract() {
        let day = parse_day("2026-09-05").expect("day");
        for text in [
            "9/5/2026",
            "09/05/2026",
            "2026-09-05T23:59:59Z",
            "2026-09-05 00:00:00",
            "9/5/2026 11:59:59 PM",
            "2026-09-06T01:00:00+02:00",
            " 2026-09-05T00:00:00",
        ] {
            assert_eq!(parse_day(text), Some(day), "{text}");
        }
        for text in ["", "2026-13-01", "2026-09-31", "20260905", "5.9.2026", "tomorrow", "2026-09", "9/5/26"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
        assert_eq!(parse_day("9999-12-31T23:59:59.9999999Z").map(|d| d.to_string()), Some("9999-12-31".into()));
        assert_eq!(parse_day("9999-12-31").and_then(Day::date).map(Day::from_date), parse_day("12/31/9999"));
        assert_eq!(day.to_string(), "2026-09-05");
        assert_eq!(day.month(), "2026-09");
    }

    #[test]
    fn gaps_and_union_are_the_whole() {
        let day = span(0, 100);
        let covered = union(vec![span(50, 60), span(-5, 10), span(10, 20), span(55, 70)]);
        assert_eq!(covered, vec![span(-5, 20), span(50, 70)]);
        let open = gaps(day, &covered);
        assert_eq!(open, vec![span(20, 50), span(70, 100)]);
        let all = union(open.into_iter().chain(covered).filter_map(|s| s.cut(day)).collect());
        assert_eq!(all, vec![day]);
    }
}
