//! The job file of the ready form.

use std::fs;

use crate::error::{Error, Result};
use crate::options::Options;

const JOB: &str = r#"# Made by `pecan generate`: invented data. Paths are relative to this file. Try:
#   pecan check job.toml
#   pecan run job.toml
# What the run must find stands in truth.json.
name = "generated"
# cutoff = "…"                     # default: the newest audit record, six hours after the last usage day

[charges]
uri = "exports/"                   # one export run a month, each with its manifest
format = "cost-management"

[audit]
uri = "activity/"
format = "azure-activity"

[reference]
assignments = "reference/assignments.csv"       # two lists: when the audit log begins, and on the last day
partners = "reference/partners.csv"
principals = "reference/principals.csv"
lighthouse_definitions = "reference/lighthouse_definitions.csv"
lighthouse_assignments = "reference/lighthouse_assignments.csv"
rates = "reference/rates.csv"
products = "reference/products.csv"

[output]
uri = "out/"
format = "delta"
"#;

/// Writes `job.toml`.
/// # Errors
/// If it cannot be written.
pub(crate) fn write(options: &Options) -> Result<()> {
    let path = options.folder.join("job.toml");
    fs::write(&path, JOB).map_err(Error::io(&path))
}
