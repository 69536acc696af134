//! The DataFrame join of access intervals with distinct scope-days (R-SCOPE-1, R-DAY).
//!
//! Millions of charges ask about thousands of scope-days: the join is made once per distinct (chain, day), never per row.
//! Its naive twin is [`pecan_core::knowledge::Knowledge::on_chain`].

use polars::prelude::*;

use crate::error::{Error, Result};

/// The access intervals by scope code, built once per run.
pub struct IntervalFrame {
    frame: DataFrame,
}

/// One scope of the chain of one scope-day.
pub struct ChainDay {
    /// Which scope-day asks.
    pub asks: u32,
    /// Code of a scope on its chain.
    pub scope: u32,
    /// First microsecond of the day.
    pub day_from: i64,
    /// First microsecond after the day.
    pub day_until: i64,
}

/// One access interval at one scope.
pub struct ScopeInterval {
    /// Code of the scope.
    pub scope: u32,
    /// Index of the interval.
    pub interval: u32,
    /// First microsecond in force.
    pub from: i64,
    /// First microsecond no longer in force.
    pub until: i64,
}

fn trouble(error: &PolarsError) -> Error {
    Error::bug("interval_join", "joining access intervals with scope-days", "frames", error, "report this with the job file")
}

impl IntervalFrame {
    /// Builds the frame.
    /// # Errors
    /// `Bug` if the columns do not fit together.
    pub fn new(intervals: &[ScopeInterval]) -> Result<IntervalFrame> {
        let frame = df![
            "scope" => intervals.iter().map(|i| i.scope).collect::<Vec<u32>>(),
            "interval" => intervals.iter().map(|i| i.interval).collect::<Vec<u32>>(),
            "from" => intervals.iter().map(|i| i.from).collect::<Vec<i64>>(),
            "until" => intervals.iter().map(|i| i.until).collect::<Vec<i64>>(),
        ];
        Ok(IntervalFrame { frame: frame.map_err(|e| trouble(&e))? })
    }

    /// The intervals that overlap each scope-day: pairs of (asker, interval), sorted.
    /// # Errors
    /// `Bug` if the join fails.
    pub fn join(&self, days: &[ChainDay]) -> Result<Vec<(u32, u32)>> {
        if days.is_empty() || self.frame.height() == 0 {
            return Ok(Vec::new());
        }
        let asks = df![
            "asks" => days.iter().map(|d| d.asks).collect::<Vec<u32>>(),
            "scope" => days.iter().map(|d| d.scope).collect::<Vec<u32>>(),
            "day_from" => days.iter().map(|d| d.day_from).collect::<Vec<i64>>(),
            "day_until" => days.iter().map(|d| d.day_until).collect::<Vec<i64>>(),
        ];
        let overlapping = asks
            .map_err(|e| trouble(&e))?
            .lazy()
            .join(self.frame.clone().lazy(), [col("scope")], [col("scope")], JoinArgs::new(JoinType::Inner))
            .filter(col("from").lt(col("day_until")).and(col("until").gt(col("day_from"))))
            .select([col("asks"), col("interval")]);
        pairs(&overlapping.collect().map_err(|e| trouble(&e))?)
    }
}

fn pairs(frame: &DataFrame) -> Result<Vec<(u32, u32)>> {
    let column = |name: &str| frame.column(name).and_then(|c| c.u32().cloned()).map_err(|e| trouble(&e));
    let (asks, intervals) = (column("asks")?, column("interval")?);
    let mut pairs: Vec<(u32, u32)> = asks.into_no_null_iter().zip(intervals.into_no_null_iter()).collect();
    pairs.sort_unstable();
    Ok(pairs)
}
