//! What may be typed after `pecan generate`.

use std::path::PathBuf;

use clap::ValueEnum;
use pecan_core::time::Day;
use pecan_generate::{Format, LOST, Options, ROW_GROUP_SIZE, default_until, parse_percent};

use super::args::Global;
use crate::job::parse_day;

/// What input to make.
#[derive(Debug, clap::Args)]
pub(super) struct GenerateChoice {
    /// The folder to fill; it must be empty or not exist yet
    #[arg(value_name = "OUT_DIR")]
    pub folder: PathBuf,
    /// Charges in all
    #[arg(long, value_name = "N")]
    pub rows: u64,
    /// Usage days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub days: u32,
    /// The same arguments with the same seed give the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Form of the export files
    #[arg(long, value_enum, value_name = "F", default_value_t = FormatChoice::CostManagement)]
    pub format: FormatChoice,
    /// First day without charges, YYYY-MM-DD [default: 2026-11-01]
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub until: Option<Day>,
    /// Export files in all, at least one a month [default: about a million rows each]
    #[arg(long, value_name = "N")]
    pub files: Option<u32>,
    /// Most rows of a Parquet row group; CSV is made in pieces of as many
    #[arg(long, value_name = "N", default_value_t = ROW_GROUP_SIZE)]
    pub row_group_size: u32,
    /// Store text without dictionaries: an unfriendly file
    #[arg(long)]
    pub plain: bool,
    /// Store numbers as DOUBLE instead of DECIMAL
    #[arg(long)]
    pub double: bool,
    /// Share of charges on days without access or partner, 0.1 to 5 [default: 1]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub lost: Option<u32>,
    /// Make only what an analyst can download: no job file, no reference tables
    #[arg(long)]
    pub raw: bool,
}

/// The formats as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatChoice {
    /// Parquet, snappy
    CostManagement,
    /// CSV, gzip
    CostManagementCsv,
}

fn percent(text: &str) -> std::result::Result<u32, String> {
    parse_percent(text).ok_or_else(|| "write a percentage with at most three places, for example 1 or 0.5".to_string())
}

impl GenerateChoice {
    /// The options of the generator, which checks them.
    pub fn options(&self, global: &Global) -> Options {
        let format = match self.format {
            FormatChoice::CostManagement => Format::Parquet,
            FormatChoice::CostManagementCsv => Format::Csv,
        };
        Options {
            folder: self.folder.clone(),
            rows: self.rows,
            days: self.days,
            seed: self.seed,
            format,
            until: self.until.map_or_else(default_until, |day| day.0),
            files: self.files,
            row_group_size: self.row_group_size,
            plain: self.plain,
            double: self.double,
            lost: self.lost.unwrap_or(LOST),
            raw: self.raw,
            threads: global.threads(),
        }
    }
}
