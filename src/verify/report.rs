//! What `pecan verify` answers.

use serde_json::{Value, json};

use super::inputs::Gone;
use super::rows::{Difference, Sample};
use crate::error::{Error, Result};
use crate::schema::{Table, name};

/// How a file was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is there, and has the recomputed bytes.
    Bytes,
    /// It is there, and was compared row by row.
    Rows,
    /// It is gone; the hash of what it held was kept.
    Hash,
    /// It is gone, and another version of the program recomputed it; its rows and sums were kept.
    Sums,
    /// What it rests on was not kept.
    Not,
}

impl How {
    /// The word in both outputs.
    pub fn word(self) -> &'static str {
        match self {
            How::Bytes => "bytes",
            How::Rows => "rows",
            How::Hash => "recorded hash",
            How::Sums => "recorded sums",
            How::Not => "not compared",
        }
    }
}

/// A file of the run, or a table that is replaced whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its table.
    pub table: Table,
    /// Its group; empty for tables that are replaced whole.
    pub group: String,
    /// Its billing month.
    pub month: Option<String>,
    /// Rows then.
    pub rows: u64,
    /// How it was compared.
    pub how: How,
    /// Whether it is the same.
    pub equal: bool,
    /// What else is to be said.
    pub note: Option<String>,
    /// Rows that differ.
    pub difference: Difference,
}

impl Compared {
    pub(super) fn different(self, seen: &str) -> Compared {
        Compared { equal: false, note: Some(seen.to_owned()), ..self }
    }

    pub(super) fn with_note(self, note: Option<String>) -> Compared {
        Compared { note: self.note.clone().or(note), ..self }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.table.name(),
            (name::GROUP_ID): if self.group.is_empty() { None } else { Some(&self.group) },
            (name::BILLING_MONTH): self.month,
            "rows": self.rows,
            "compared_by": self.how.word(),
            "equal": self.equal,
            "note": self.note,
            "rows_only_there": self.difference.only_there,
            "rows_only_recomputed": self.difference.only_recomputed,
            "samples": self.difference.samples.iter().map(sample_json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let month = self.month.as_ref().map(|month| format!(" {month}")).unwrap_or_default();
        let group = if self.group.is_empty() { String::new() } else { format!(" of {}", self.group) };
        let word = if self.equal { self.how.word() } else { "different" };
        let note = self.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let mut text = format!("{}{month}{group}: {word}{note}\n", self.table.name());
        let Difference { only_there, only_recomputed, samples } = &self.difference;
        if only_there + only_recomputed > 0 {
            text += &format!("  rows only in the table: {only_there}, only recomputed: {only_recomputed}\n");
        }
        samples.iter().for_each(|sample| text += &sample_text(sample));
        text
    }
}

fn sample_json(sample: &Sample) -> Value {
    let key: serde_json::Map<String, Value> = sample.key.iter().map(|(column, value)| (column.clone(), json!(value))).collect();
    let changes = sample.changes.iter().map(|(column, there, recomputed)| json!({ "column": column, "there": there, "recomputed": recomputed }));
    json!({ "key": key, "only": sample.only, "changes": changes.collect::<Vec<_>>() })
}

fn sample_text(sample: &Sample) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let key: Vec<String> = sample.key.iter().filter(|(_, value)| value.is_some()).map(|(column, value)| format!("{column} {}", shown(value))).collect();
    let mut text = match sample.only {
        Some(side) => format!("  only {side}: {}\n", key.join(", ")),
        None => format!("  {}\n", key.join(", ")),
    };
    for (column, there, recomputed) in &sample.changes {
        text += &format!("    {column}: {} in the table, recomputed {}\n", shown(there), shown(recomputed));
    }
    text
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// The run.
    pub run_id: String,
    /// Version of the program that made it; empty if its record is gone.
    pub program_then: String,
    /// Whether a row of `run` names it: else it was interrupted, or lost.
    pub complete: bool,
    /// Groups that were recomputed.
    pub groups: u64,
    /// Everything that was compared.
    pub compared: Vec<Compared>,
    /// Inputs that are gone; nothing was compared then.
    pub gone: Gone,
}

impl Report {
    /// `equal`, `different` or `inputs_gone`.
    pub fn answer(&self) -> &'static str {
        match (self.gone.is_empty(), self.compared.iter().all(|one| one.equal)) {
            (false, _) => "inputs_gone",
            (true, true) => "equal",
            (true, false) => "different",
        }
    }

    /// Tables and groups that differ.
    pub fn differing(&self) -> impl Iterator<Item = &Compared> {
        self.compared.iter().filter(|one| !one.equal)
    }

    /// The exit code of the command.
    /// # Errors
    /// `Different` (exit 1), or `Input` (exit 3) if inputs are gone.
    pub fn verdict(&self) -> Result<()> {
        let tried = "recomputing a past run";
        let place = format!("run {}", self.run_id);
        match self.answer() {
            "equal" => Ok(()),
            "different" => {
                let seen = format!("{} of {} files or tables differ from what the inputs of that run give", self.differing().count(), self.compared.len());
                let next =
                    "if the table was changed by others, `pecan run --force` writes it anew; if nobody did, report this with both versions of the program";
                Err(Error::different("verify_different", tried, place, seen, next))
            }
            _ => {
                let first: Vec<&str> = self.gone.iter().take(3).map(String::as_str).collect();
                let seen = format!("{} inputs are gone or changed: {}{}", self.gone.len(), first.join(", "), if self.gone.len() > 3 { ", …" } else { "" });
                let next = "bring these files back, anywhere below the sources of the job, and verify again";
                Err(Error::input("verify_inputs_gone", tried, place, seen, next))
            }
        }
    }

    /// Notes on the run itself.
    pub fn notes(&self) -> Vec<String> {
        let now = env!("CARGO_PKG_VERSION");
        let mut notes = Vec::new();
        if !self.program_then.is_empty() && self.program_then != now {
            notes.push(format!("the run was made by pecan {}, and recomputed by {now}", self.program_then));
        }
        if !self.complete {
            notes.push("no row of `run` names it: it was interrupted, or another run won".to_owned());
        }
        notes
    }

    /// One object (COMMANDS.md).
    pub fn to_json(&self) -> Value {
        json!({
            "answer": self.answer(),
            (name::RUN_ID): self.run_id,
            (name::PROGRAM_VERSION): self.program_then,
            "recomputed_by": env!("CARGO_PKG_VERSION"),
            "groups": self.groups,
            "notes": self.notes(),
            "inputs_gone": self.gone,
            "tables": self.compared.iter().map(Compared::json).collect::<Vec<_>>(),
        })
    }

    /// A line per difference, and how all was compared.
    pub fn to_text(&self) -> String {
        let mut text = format!("pecan verify: run {}: {}\n", self.run_id, self.answer());
        self.notes().iter().for_each(|note| text += &format!("note: {note}\n"));
        if !self.gone.is_empty() {
            self.gone.iter().for_each(|name| text += &format!("  gone: {name}\n"));
            return text;
        }
        let ways = [How::Bytes, How::Rows, How::Hash, How::Sums, How::Not]
            .map(|how| (how.word(), self.compared.iter().filter(|one| one.equal && one.how == how).count()));
        let ways: Vec<String> = ways.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} by {word}")).collect();
        text += &format!(
            "Recomputed: {} groups. Equal: {}.\n",
            self.groups,
            if ways.is_empty() { "nothing".to_owned() } else { ways.join(", ").replace("by not", "not") }
        );
        let told = self.compared.iter().filter(|one| !one.equal || one.note.is_some());
        told.for_each(|one| text += &one.text());
        text
    }
}
