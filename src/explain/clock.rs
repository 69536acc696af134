//! Instants, durations and counts in words, and the day as a drawn line.

use pecan_core::time::{DAY_MICROS, Day, Instant, Span};

use crate::summary::figures::count;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The usage day of a story: says times the way people who look at that day do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The usage day.
    pub day: Day,
    /// Its span.
    pub span: Span,
    /// Minutes after 00:00 UTC at which it begins (R-DAY-1).
    pub offset: i32,
}

impl Clock {
    /// The clock of a usage day.
    pub fn new(day: Day, offset: i32) -> Clock {
        Clock { day, span: day.span(offset), offset }
    }

    /// Inside the day only the time (`24:00` is its last instant), else with the date.
    pub fn time(&self, at: Instant) -> String {
        if self.offset == 0 && at == self.span.until {
            return "24:00".to_owned();
        }
        if self.offset == 0 && self.span.from <= at && at < self.span.until {
            return time_of_day(at.0.rem_euclid(DAY_MICROS));
        }
        moment(at)
    }

    /// `10:00–11:00`.
    pub fn between(&self, span: Span) -> String {
        format!("{}–{}", self.time(span.from), self.time(span.until))
    }

    /// `throughout the day`, `until 10:00 and again from 11:00`, …
    pub fn when(&self, covered: &[Span]) -> String {
        if covered == [self.span] {
            return "throughout the day".to_owned();
        }
        if covered.len() > 3 {
            let sum = covered.iter().fold(0i64, |sum, span| sum.saturating_add(span.micros()));
            return format!("during {} spans of together {}", covered.len(), duration(sum));
        }
        let part = |span: &Span| match (span.from == self.span.from, span.until == self.span.until) {
            (true, _) => format!("until {}", self.time(span.until)),
            (_, true) => format!("from {}", self.time(span.from)),
            _ => format!("from {} until {}", self.time(span.from), self.time(span.until)),
        };
        let parts: Vec<String> = covered.iter().map(part).collect();
        format!("{} UTC", parts.join(" and again "))
    }

    /// The day in `cells` cells: `█` covered, `▒` partly, `·` not.
    pub fn line(&self, covered: &[Span], cells: usize) -> String {
        let cells = i64::try_from(cells).unwrap_or(48).max(1);
        let width = DAY_MICROS / cells;
        let cell = |n: i64| {
            let from = Instant(self.span.from.0.saturating_add(n * width));
            let Some(whole) = Span::new(from, Instant(from.0.saturating_add(width))) else { return '·' };
            let micros: i64 = covered.iter().filter_map(|s| s.cut(whole)).map(Span::micros).sum();
            match micros {
                0 => '·',
                all if all == width => '█',
                _ => '▒',
            }
        };
        (0..cells).map(cell).collect()
    }
}

/// The ticks above a line: hours of the usage day.
pub(super) fn ticks(cells: usize) -> String {
    let mut text = String::new();
    for quarter in 0..=4usize {
        let at = cells * quarter / 4;
        while text.chars().count() < at {
            text.push(' ');
        }
        text.push_str(&format!("{:02}", quarter * 6));
    }
    text
}

fn time_of_day(micros: i64) -> String {
    let (hours, minutes) = (micros / HOUR, micros % HOUR / MINUTE);
    let (seconds, rest) = (micros % MINUTE / SECOND, micros % SECOND);
    match (seconds, rest) {
        (0, 0) => format!("{hours:02}:{minutes:02}"),
        (_, 0) => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}.{}", format!("{rest:06}").trim_end_matches('0')),
    }
}

/// An instant with its date; `ever` and `open` for the extremes.
pub(super) fn moment(at: Instant) -> String {
    match at {
        Instant::MIN => "ever".to_owned(),
        Instant::MAX => "open".to_owned(),
        Instant(micros) => {
            let day = i32::try_from(micros.div_euclid(DAY_MICROS)).map(Day);
            let time = time_of_day(micros.rem_euclid(DAY_MICROS));
            day.map_or_else(|_| at.to_string(), |day| format!("{day} {time}"))
        }
    }
}

/// `always`, `since 2026-09-05 00:00`, `until …`, `2026-09-05 00:00 to 2026-10-01 00:00`.
pub(super) fn spoken(span: Span) -> String {
    match (span.from, span.until) {
        (Instant::MIN, Instant::MAX) => "always".to_owned(),
        (from, Instant::MAX) => format!("since {}", moment(from)),
        (Instant::MIN, until) => format!("until {}", moment(until)),
        (from, until) => format!("{} to {}", moment(from), moment(until)),
    }
}

/// `1 hour`, `20 minutes`, `13 h 20 min 3 s`, `0.4 s`.
pub(super) fn duration(micros: i64) -> String {
    let unit = |n: i64, word: &str| counted(n.unsigned_abs(), word);
    match micros {
        m if m >= HOUR && m % HOUR == 0 => return unit(m / HOUR, "hour"),
        m if (MINUTE..HOUR).contains(&m) && m % MINUTE == 0 => return unit(m / MINUTE, "minute"),
        m if (SECOND..MINUTE).contains(&m) && m % SECOND == 0 => return unit(m / SECOND, "second"),
        _ => {}
    }
    let mut parts = Vec::new();
    let (hours, minutes, seconds, rest) = (micros / HOUR, micros % HOUR / MINUTE, micros % MINUTE / SECOND, micros % SECOND);
    parts.extend((hours > 0).then(|| format!("{hours} h")));
    parts.extend((minutes > 0).then(|| format!("{minutes} min")));
    match rest {
        0 => parts.extend((seconds > 0 || parts.is_empty()).then(|| format!("{seconds} s"))),
        _ => parts.push(format!("{seconds}.{} s", format!("{rest:06}").trim_end_matches('0'))),
    }
    parts.join(" ")
}

/// `1 row`, `2 rows`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(clock: &Clock, from: i64, until: i64) -> Span {
        let at = |minutes: i64| Instant(clock.span.from.0 + minutes * MINUTE);
        Span::new(at(from), at(until)).expect("test span")
    }

    #[test]
    fn the_line_shows_the_shortest_gap() {
        let clock = Clock::new(Day(20_000), 0);
        let full = clock.line(&[clock.span], 48);
        assert_eq!((full.chars().count(), full.contains('·')), (48, false));
        let second = Span::new(clock.span.from, Instant(clock.span.until.0 - 1)).expect("span");
        assert!(clock.line(&[second], 48).ends_with("█▒"));
        assert_eq!(clock.line(&[span(&clock, 0, 600), span(&clock, 660, 1440)], 48).find("··"), Some(20 * '█'.len_utf8()));
        assert_eq!(ticks(48), "00          06          12          18          24");
    }

    #[test]
    fn times_and_durations_are_spoken() {
        let clock = Clock::new(Day(20_000), 0);
        assert_eq!(clock.when(&[clock.span]), "throughout the day");
        assert_eq!(clock.when(&[span(&clock, 0, 600), span(&clock, 660, 1440)]), "until 10:00 and again from 11:00 UTC");
        assert_eq!(clock.between(span(&clock, 5, 1440)), "00:05–24:00");
        for (micros, said) in [
            (HOUR, "1 hour"),
            (3 * HOUR, "3 hours"),
            (20 * MINUTE, "20 minutes"),
            (SECOND, "1 second"),
            (HOUR + MINUTE + 3 * SECOND, "1 h 1 min 3 s"),
            (1, "0.000001 s"),
            (MINUTE + SECOND / 2, "1 min 0.5 s"),
        ] {
            assert_eq!(duration(micros), said);
        }
        assert_eq!(Clock::new(Day(0), 60).time(Instant(HOUR)), "1970-01-01 01:00");
        assert_eq!(spoken(Span::ALWAYS), "always");
    }
}
