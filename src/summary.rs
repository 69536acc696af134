//! What a run found, added up (details 36): exact for programs ([`Summary::to_json`]), readable for people ([`Summary::to_text`]).
//!
//! The pipeline fills a [`Tally`] with sums it has already grouped; [`Tally::finish`] turns it into a [`Summary`].
//! All figures but `tables` are of the groups written in this run.

pub(crate) mod figures;
mod tally;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use pecan_core::charge::{Evidence, Outcome};
use pecan_core::money::{AMOUNT_PLACES, plain};
use serde::{Serialize, Serializer};

pub use tally::{Cell, RunFacts, Tally};

/// An amount at 12 decimal places; in JSON an exact decimal in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(pub i128);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&plain(self.0, AMOUNT_PLACES))
    }
}

/// Output files of the run, all tables together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Files {
    /// New files.
    pub written: u64,
    /// Files left as they were.
    pub kept: u64,
    /// Files whose group was written anew.
    pub replaced: u64,
    /// Files whose group is gone from the inputs.
    pub removed: u64,
}

/// Sums of one billing currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// As in the source; `None`: the source says none.
    pub billing_currency: Option<String>,
    /// A control sum of the column `list_cost`, pricing currencies mixed.
    pub list_cost: Amount,
    /// Expected credit.
    pub credit: Amount,
    /// Missed credit, without `before_first_record` (details 27).
    pub missed_credit: Amount,
    /// What Microsoft's flag says.
    pub applied_credit: Amount,
}

/// Share of the credit that was earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// As in [`Total`].
    pub billing_currency: Option<String>,
    /// credit ÷ (credit + missed credit) with 6 places, half to even; `None` if both are 0.
    pub rate: Option<String>,
}

/// Sums of one outcome and evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeTotal {
    /// R-OUTCOME.
    #[serde(serialize_with = "outcome_word")]
    pub outcome: Outcome,
    /// R-DAY-6.
    #[serde(serialize_with = "evidence_word")]
    pub evidence: Evidence,
    /// As in [`Total`].
    pub billing_currency: Option<String>,
    /// Credit lines.
    pub charges: u64,
    /// Expected credit.
    pub credit: Amount,
    /// Missed credit, that of `before_first_record` included.
    pub missed_credit: Amount,
}

/// Lines whose net cost is lower than our rate explains (R-MONEY-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceAdjusted {
    /// As in the source.
    pub pricing_currency: Option<String>,
    /// Credit lines.
    pub lines: u64,
    /// Σ (|list cost| × (1 − rate) − |net cost|).
    pub amount: Amount,
}

/// A role that neither the embedded table nor the job knows (R-ROLE-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownRole {
    /// Lower-case GUID.
    pub role_definition_id: String,
    /// Assignments that give it.
    pub assignments: u64,
}

/// A customer or scope that missed much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Top {
    /// First spelling in byte order; `None`: the charges name none.
    pub id: Option<String>,
    /// As in [`Total`].
    pub billing_currency: Option<String>,
    /// Missed credit, without `before_first_record`.
    pub missed_credit: Amount,
}

/// Something a person should know; its code is stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable code.
    pub code: String,
    /// One or two sentences.
    pub text: String,
}

/// A table as it is after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableWritten {
    /// Table name.
    pub name: String,
    /// Its version; `None`: it does not exist (dry run).
    pub version: Option<i64>,
    /// Live rows.
    pub rows: u64,
}

/// What a run did; serialises to the JSON object of details 36, no field more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are those of details 36, in its order")]
pub struct Summary {
    pub run_id: String,
    pub nothing_to_do: bool,
    pub files: Files,
    pub rows_read: u64,
    pub credit_lines: u64,
    pub rejections: u64,
    pub rejections_other: u64,
    pub operands_rounded: u64,
    pub totals: Vec<Total>,
    pub coverage: Vec<Coverage>,
    pub outcomes: Vec<OutcomeTotal>,
    pub price_adjusted: Vec<PriceAdjusted>,
    pub unknown_roles: Vec<UnknownRole>,
    pub top_customers: Vec<Top>,
    pub top_scopes: Vec<Top>,
    pub contradictions: u64,
    pub counts: BTreeMap<String, u64>,
    pub warnings: Vec<Warning>,
    pub tables: Vec<TableWritten>,
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Nothing was made visible; for the text only.
    #[serde(skip)]
    pub dry_run: bool,
    /// List cost by pricing currency; for the text only.
    #[serde(skip)]
    pub list_costs: Vec<(Option<String>, Amount)>,
}

fn outcome_word<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.word())
}

fn evidence_word<S: Serializer>(evidence: &Evidence, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(evidence.word())
}

/// Whole milliseconds; a duration, never money.
fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)).as_secs_f64())
}

impl Summary {
    /// The JSON object of details 36.
    pub fn to_json(&self) -> serde_json::Value {
        // Serialising plain fields and text keys into memory cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// One screen for people: amounts rounded to 2 places, at most `width` characters where the content allows.
    pub fn to_text(&self, width: usize, colour: bool) -> String {
        text::render(self, width, colour)
    }
}

#[cfg(test)]
mod tests;
