//! Days as numbers since 1970-01-01, instants as seconds since then, both in UTC; and how they are written.

use jiff::ToSpan;
use jiff::civil::Date;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Days between 1970-01-01 and a date.
pub(crate) fn number(date: Date) -> i32 {
    date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days())
}

/// The date of a day number. Days here lie within a few decades: what does not fit is the epoch.
pub(crate) fn date(day: i32) -> Date {
    Date::constant(1970, 1, 1).checked_add(i64::from(day).days()).unwrap_or(Date::constant(1970, 1, 1))
}

/// `2026-10-31`.
pub(crate) fn iso(day: i32) -> String {
    date(day).to_string()
}

/// `20261031`.
pub(crate) fn compact(day: i32) -> String {
    date(day).strftime("%Y%m%d").to_string()
}

/// `10/31/2026`, as CSV exports write it.
pub(crate) fn american(day: i32) -> String {
    date(day).strftime("%m/%d/%Y").to_string()
}

/// Midnight of a day.
pub(crate) fn midnight(day: i32) -> i64 {
    i64::from(day) * DAY
}

/// `2026-10-31T06:00:00Z`.
pub(crate) fn stamp(instant: i64) -> String {
    format!("{}T{}Z", iso(instant.div_euclid(DAY) as i32), clock(instant))
}

/// `2026-10-31T06:00:00.1234567Z`, as Azure writes instants.
pub(crate) fn long_stamp(instant: i64, part: u64) -> String {
    format!("{}T{}.{:07}Z", iso(instant.div_euclid(DAY) as i32), clock(instant), part % 10_000_000)
}

/// `20261031T060000Z`.
pub(crate) fn compact_stamp(instant: i64) -> String {
    format!("{}T{}Z", compact(instant.div_euclid(DAY) as i32), clock(instant).replace(':', ""))
}

fn clock(instant: i64) -> String {
    let second = instant.rem_euclid(DAY);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// A calendar month, and the days of it that have charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    /// First day of the month.
    pub first: i32,
    /// Last day of the month, inclusive.
    pub last: i32,
    /// First day with charges.
    pub from: i32,
    /// First day after those with charges.
    pub until: i32,
}

impl Month {
    pub(crate) fn days(&self) -> u64 {
        (self.until - self.from) as u64
    }

    /// `2026-10`.
    pub(crate) fn name(&self) -> String {
        iso(self.first)[..7].to_string()
    }
}

/// The months of `[from, until)`, oldest first.
pub(crate) fn months(from: i32, until: i32) -> Vec<Month> {
    let (mut months, mut day) = (Vec::new(), from);
    while day < until {
        let date = date(day);
        let (first, last) = (number(date.first_of_month()), number(date.last_of_month()));
        months.push(Month { first, last, from: day, until: until.min(last + 1) });
        day = last + 1;
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_tile_the_days() {
        let until = number(Date::constant(2026, 11, 1));
        let months = months(until - 40, until);
        assert_eq!(months.iter().map(Month::name).collect::<Vec<_>>(), ["2026-09", "2026-10"]);
        assert_eq!(months.iter().map(Month::days).sum::<u64>(), 40);
        assert_eq!((iso(months[0].from), months[1].days()), ("2026-09-22".to_string(), 31));
    }

    #[test]
    fn instants_are_written_in_utc() {
        let at = midnight(number(Date::constant(2026, 10, 31))) + 6 * 3600;
        assert_eq!([stamp(at), compact_stamp(at)], ["2026-10-31T06:00:00Z", "20261031T060000Z"]);
        assert_eq!(american(0), "01/01/1970");
    }
}
