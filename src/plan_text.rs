//! `pecan plan` for people and programs.

use serde_json::{Value, json};

use crate::plan::{Action, Found, Planned};
use crate::schema::name;

/// What a run would do.
#[derive(Debug)]
pub struct Plan {
    rows: Vec<Row>,
    warnings: Vec<(String, String)>,
}

#[derive(Debug)]
struct Row {
    group_id: String,
    action: Action,
    why: String,
    parts: Vec<&'static str>,
    files: usize,
    bytes: u64,
}

impl Plan {
    /// The plan of these groups.
    pub fn new(planned: &[Planned], found: &Found) -> Plan {
        let row = |p: &Planned| {
            let files = p.group.as_ref().map(|g| g.files.as_slice()).unwrap_or_default();
            Row {
                group_id: p.group_id.clone(),
                action: p.action,
                why: p.why.clone(),
                parts: p.parts.clone(),
                files: files.len(),
                bytes: files.iter().map(|f| f.bytes).sum(),
            }
        };
        let warnings = found.discovery.warnings.iter().map(|w| (w.code.to_owned(), w.text.clone()));
        Plan { rows: planned.iter().map(row).collect(), warnings: warnings.collect() }
    }

    /// One object: `groups` (group_id, action, why, parts, files, bytes) and `warnings` (code, text).
    pub fn to_json(&self) -> Value {
        let groups = self
            .rows
            .iter()
            .map(|r| json!({ (name::GROUP_ID): r.group_id, "action": r.action.word(), "why": r.why, "parts": r.parts, "files": r.files, "bytes": r.bytes }));
        let warnings = self.warnings.iter().map(|(code, text)| json!({ "code": code, "text": text }));
        json!({ "groups": groups.collect::<Vec<_>>(), "warnings": warnings.collect::<Vec<_>>() })
    }

    /// A line per group and a closing sentence.
    pub fn to_text(&self, _width: usize, _colour: bool) -> String {
        let mut text = String::new();
        for row in &self.rows {
            text.push_str(&format!("{:8} {}  ({} files, {} kB): {}\n", row.action.word(), row.group_id, row.files, row.bytes.div_ceil(1000), row.why));
        }
        for (code, warning) in &self.warnings {
            text.push_str(&format!("warning: {warning} [{code}]\n"));
        }
        let work = self.rows.iter().filter(|r| matches!(r.action, Action::Write | Action::Replace | Action::Remove)).count();
        text.push_str(&match work {
            0 => "Every group is up to date: a run would write nothing but tables that an interrupted run left incomplete.\n".to_owned(),
            n => format!("A run would settle {n} of {} groups.\n", self.rows.len()),
        });
        text
    }
}
