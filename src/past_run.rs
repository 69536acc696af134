//! What a run was, kept as `_pecan/runs/{run_id}.json`: enough to do it again, and to tell whether the same comes of it.
//!
//! It is written before the commit; only a row of `run` makes it the record of a run that happened.

mod keep;

use pecan_core::rules::{CombineParties, CreditBase, RateSource, Rules};
use serde::{Deserialize, Serialize};

pub use self::keep::{Draft, Setting};
use crate::decide::newest::Names;
use crate::error::{Error, Result};
use crate::group::GroupOutput;
use crate::job::Job;
use crate::kept::{Kept, Pieces};
use crate::source::{ChargeGroup, FileKind};
use crate::stage::{ReadBack, StagedFile};
use crate::told::{AuditThen, ReferenceThen};

/// Raised when the form of the record changes; a newer one is refused.
pub const FORM: u32 = 1;

/// The record of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastRun {
    /// [`FORM`] of the program that wrote it.
    pub form: u32,
    /// The run.
    pub id: String,
    /// Version of the program.
    pub program: String,
    /// Fingerprint of rules and program.
    pub rules_fingerprint: String,
    /// The job.
    pub job: JobThen,
    /// The audit log.
    pub audit: AuditThen,
    /// The reference files, in the order read.
    pub reference: Vec<ReferenceThen>,
    /// The groups it wrote.
    pub groups: Vec<GroupThen>,
    /// Names and days of the groups it left alone, as lines of JSON.
    pub others: Pieces,
    /// Of how many of those no names are kept.
    pub without_names: u64,
    /// The tables that are replaced whole, as the run left them.
    pub whole: Vec<WholeThen>,
}

/// What of a job file shapes the tables, and where the job read and wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobThen {
    /// Its name.
    pub name: String,
    /// The switches.
    #[serde(with = "RulesThen")]
    pub rules: Rules,
    /// `output.carry`.
    pub carry: Vec<String>,
    /// `cutoff`, nanoseconds since 1970 UTC.
    pub cutoff: Option<i128>,
    /// Charges sources: name, uri as written, format and layout.
    pub charges: Vec<[String; 3]>,
    /// `output.format`.
    pub format: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rules")]
struct RulesThen {
    gap_tolerance_seconds: u32,
    day_offset_minutes: i32,
    #[serde(with = "CombinePartiesThen")]
    combine_parties: CombineParties,
    unknown_roles: bool,
    inherit_management_groups: bool,
    #[serde(with = "RateSourceThen")]
    rate_source: RateSource,
    #[serde(with = "CreditBaseThen")]
    credit_base: CreditBase,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CombineParties", rename_all = "snake_case")]
enum CombinePartiesThen {
    Each,
    Union,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RateSource", rename_all = "snake_case")]
enum RateSourceThen {
    Table,
    Statement,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CreditBase", rename_all = "snake_case")]
enum CreditBaseThen {
    List,
    Net,
}

/// A group the run wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupThen {
    /// Its id.
    pub group: String,
    /// Name of its charges source.
    pub source: String,
    /// Fingerprint of all its output rests on.
    pub fingerprint: String,
    /// Its input files, in order.
    pub inputs: Vec<InputThen>,
    /// Its output files.
    pub files: Vec<FileThen>,
    /// Months that were closed: what it says of them was not written.
    #[serde(default)]
    pub withheld: Vec<String>,
}

/// A charge file of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputThen {
    /// Its lasting name.
    pub file: String,
    /// Its export run.
    pub run: Option<String>,
    /// Its name in messages.
    pub place: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub hash: String,
    /// How it is written.
    pub kind: FileKind,
    /// Rows, as its manifest says.
    pub expected_rows: Option<u64>,
}

/// A data file the run added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileThen {
    /// Its table.
    pub table: String,
    /// Billing month of a partitioned table.
    pub month: Option<String>,
    /// Below the table's folder.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// Sums by billing currency and column, as text; empty for tables without amounts.
    pub sums: Sums,
}

/// Sums of a file: billing currency, column, unscaled value.
pub type Sums = Vec<(Option<String>, String, String)>;

/// A table that is replaced whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WholeThen {
    /// Its name.
    pub table: String,
    /// Hash of its content.
    pub fingerprint: String,
    /// Rows.
    pub rows: u64,
    /// Its file below the table's folder; `None`: it has no rows.
    pub path: Option<String>,
}

/// What the dims take from a group that is not settled again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OtherGroup {
    /// Its id.
    pub group: String,
    /// First and last usage day.
    pub days: Option<(i32, i32)>,
    /// Names for the dims.
    pub names: Names,
}

/// Sums as they are recorded.
pub fn sums_of(read_back: &ReadBack) -> Sums {
    let all =
        read_back.sums.iter().flat_map(|(currency, sums)| sums.iter().map(move |(column, sum)| (currency.clone(), (*column).to_owned(), sum.to_string())));
    all.collect()
}

impl GroupThen {
    /// What a group was and came to; its files are staged.
    pub fn new(group: &ChargeGroup, source: &str, fingerprint: &str, output: &GroupOutput) -> GroupThen {
        let inputs = group.files.iter().map(|file| InputThen {
            file: file.source_file.clone(),
            run: file.source_run.clone(),
            place: file.place.clone(),
            bytes: file.bytes,
            hash: file.hash.clone(),
            kind: file.kind,
            expected_rows: file.expected_rows,
        });
        let file = |(staged, (hash, sums)): (&StagedFile, &(String, Option<ReadBack>))| FileThen {
            table: staged.table.name().to_owned(),
            month: staged.month.clone(),
            path: staged.path.clone(),
            rows: staged.rows,
            hash: hash.clone(),
            sums: sums.as_ref().map(sums_of).unwrap_or_default(),
        };
        GroupThen {
            group: group.group_id.clone(),
            source: source.to_owned(),
            fingerprint: fingerprint.to_owned(),
            inputs: inputs.collect(),
            files: output.staged.iter().zip(&output.made).map(file).collect(),
            withheld: output.withheld.clone(),
        }
    }
}

impl JobThen {
    fn of(job: &Job) -> JobThen {
        let layout = |source: &crate::job::ChargeSource| format!("{:?}", source.layout).to_lowercase();
        JobThen {
            name: job.name.clone(),
            rules: job.rules.clone(),
            carry: job.output.carry.clone(),
            cutoff: job.cutoff.map(|at| at.0),
            charges: job.charges.iter().map(|source| [source.name.clone(), source.uri_as_written.clone(), layout(source)]).collect(),
            format: format!("{:?}", job.output.format).to_lowercase(),
        }
    }
}

impl PastRun {
    /// The record of a run; `None`: there is none that can be read.
    /// # Errors
    /// `Usage` for a record of a newer version.
    pub fn read(kept: &Kept, run: &str) -> Result<Option<PastRun>> {
        let Some(text) = kept.read(&Kept::run_name(run)) else { return Ok(None) };
        let form = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|value| value.get("form")?.as_u64());
        if form.is_some_and(|form| form > u64::from(FORM)) {
            let seen = format!("a record of form {}; this program reads {FORM}", form.unwrap_or_default());
            return Err(Error::usage(
                "schema_newer",
                "reading the record of a run",
                kept.shown(&Kept::run_name(run)),
                seen,
                "use the newer pecan that wrote it",
            ));
        }
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Hash of every piece it refers to.
    pub fn pieces(&self) -> impl Iterator<Item = &String> {
        let reference = self.reference.iter().filter_map(|file| file.content.as_ref());
        reference.chain([&self.audit.lines, &self.others]).flat_map(|pieces| &pieces.0)
    }

    /// The groups it left alone; `None`: a piece is gone or damaged.
    pub fn others(&self, kept: &Kept) -> Option<Vec<OtherGroup>> {
        let content = self.others.read(kept)?;
        content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).ok()).collect()
    }
}
