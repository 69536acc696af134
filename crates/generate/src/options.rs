//! What is asked for, checked before anything is written.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::calendar;
use crate::error::{Error, Result};

/// Rows of a row group unless asked otherwise.
pub const ROW_GROUP_SIZE: u32 = 100_000;
/// Share of lost days unless asked otherwise, in thousandths of a percent.
pub const LOST: u32 = 1_000;
/// Most rows: beyond that the sums of the truth could leave 128 bits.
const MOST_ROWS: u64 = 1_000_000_000_000;
/// Most days: ten years.
const MOST_DAYS: u32 = 3_660;
const MOST_FILES: u32 = 100_000;

/// The form of the export files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Parquet, snappy.
    Parquet,
    /// CSV, gzip.
    Csv,
}

/// Everything that decides what is written. Threads do not.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder to fill; must be empty or absent.
    pub folder: PathBuf,
    /// Charges in all.
    pub rows: u64,
    /// Usage days.
    pub days: u32,
    /// Same seed, same bytes.
    pub seed: u64,
    /// Form of the export files.
    pub format: Format,
    /// First day without charges, days since 1970-01-01.
    pub until: i32,
    /// Export files in all; none: about a million rows each.
    pub files: Option<u32>,
    /// Most rows of a row group.
    pub row_group_size: u32,
    /// Text without dictionaries.
    pub plain: bool,
    /// Numbers as DOUBLE.
    pub double: bool,
    /// Share of charges on lost days, in thousandths of a percent.
    pub lost: u32,
    /// Only what an analyst can download.
    pub raw: bool,
    /// Threads to work with.
    pub threads: usize,
}

impl Options {
    /// Options with every default, for a folder, rows and days.
    pub fn new(folder: PathBuf, rows: u64, days: u32) -> Options {
        Options {
            folder,
            rows,
            days,
            seed: 1,
            format: Format::Parquet,
            until: default_until(),
            files: None,
            row_group_size: ROW_GROUP_SIZE,
            plain: false,
            double: false,
            lost: LOST,
            raw: false,
            threads: 1,
        }
    }

    /// # Errors
    /// [`Error::Argument`] naming the first argument that makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |argument, seen: String, next: String| Err(Error::argument(argument, seen, next));
        let range = |what: &str, most: u64| format!("ask for 1 to {most} {what}");
        if self.rows == 0 || self.rows > MOST_ROWS {
            return wrong("--rows", self.rows.to_string(), range("rows", MOST_ROWS));
        }
        if self.days == 0 || self.days > MOST_DAYS {
            return wrong("--days", self.days.to_string(), range("days", u64::from(MOST_DAYS)));
        }
        let first = i64::from(self.until) - i64::from(self.days);
        if first < i64::from(calendar::number(Date::constant(2000, 1, 1))) || self.until > calendar::number(Date::constant(2200, 1, 1)) {
            return wrong("--until", calendar::iso(self.until), "name a day so that all days lie between 2000 and 2199".into());
        }
        if self.row_group_size == 0 {
            return wrong("--row-group-size", "0".into(), "ask for at least 1 row".into());
        }
        if !(100..=5_000).contains(&self.lost) {
            return wrong("--lost", percent(self.lost), "ask for 0.1 to 5 (percent of the charges)".into());
        }
        let months = calendar::months(first as i32, self.until).len() as u64;
        match self.files {
            Some(files) if u64::from(files) < months => wrong(
                "--files",
                format!("{files}, but {} days lie in {months} months", self.days),
                "every month is an export of its own: ask for at least one file a month".into(),
            ),
            Some(files) if files > MOST_FILES || u64::from(files) > self.rows => {
                wrong("--files", format!("{files} files for {} rows", self.rows), format!("ask for at most {MOST_FILES}, and no more than rows"))
            }
            _ if self.plain && self.format == Format::Csv => {
                wrong("--plain", "with a CSV format".into(), "it says how Parquet stores text: leave it out, or take --format cost-management".into())
            }
            _ if self.double && self.format == Format::Csv => {
                wrong("--double", "with a CSV format".into(), "it says how Parquet stores numbers: leave it out, or take --format cost-management".into())
            }
            _ => Ok(()),
        }
    }
}

/// First day without charges unless asked otherwise: 2026-11-01, never the clock.
pub fn default_until() -> i32 {
    calendar::number(Date::constant(2026, 11, 1))
}

/// A percentage of at most three places in thousandths of a percent.
pub fn parse_percent(text: &str) -> Option<u32> {
    let text = text.trim().trim_end_matches('%');
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(format!("{part:0<3}").parse().ok()?)
}

fn percent(thousandths: u32) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_without_floats() {
        assert_eq!(["1", "0.5%", "2.125", "5."].map(parse_percent), [Some(1_000), Some(500), Some(2_125), Some(5_000)]);
        assert_eq!(["", "a", "-1", "0.0001", "1e2", "99999999999"].map(parse_percent), [None; 6]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let good = Options::new("x".into(), 10_000, 40);
        assert!(good.check().is_ok());
        let cases: [(&str, Options); 7] = [
            ("--rows", Options { rows: 0, ..good.clone() }),
            ("--days", Options { days: 0, ..good.clone() }),
            ("--until", Options { until: 0, ..good.clone() }),
            ("--files", Options { files: Some(1), ..good.clone() }),
            ("--lost", Options { lost: 99, ..good.clone() }),
            ("--row-group-size", Options { row_group_size: 0, ..good.clone() }),
            ("--plain", Options { plain: true, format: Format::Csv, ..good.clone() }),
        ];
        for (name, options) in cases {
            let said = options.check().map_err(|e| e.to_string());
            assert!(said.as_ref().is_err_and(|e| e.starts_with(name)), "{name}: {said:?}");
        }
    }
}
