//! `[output]`.

use std::path::Path;

use super::reading::Section;
use super::tree::TRIED;
use super::{keys, location};
use crate::error::{Error, Result};
use crate::schema::check_carry;

/// `[output]`, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Absolute path of the folder of tables.
    pub uri: String,
    /// `format`.
    pub format: OutputFormat,
    /// `compression`.
    pub compression: Compression,
    /// `keep_inputs`.
    pub keep_inputs: KeepInputs,
    /// Further input columns in `fact_credit_line`, names as in the source.
    pub carry: Vec<String>,
}

/// Format of the output tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputFormat {
    /// Delta Lake.
    #[default]
    Delta,
    /// Hive-partitioned Parquet with a manifest of live files.
    Parquet,
}

/// Compression of output columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// As in the source where columns pass through.
    #[default]
    Keep,
    /// Zstandard everywhere.
    Zstd,
}

/// What `verify` will need later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeepInputs {
    /// Reference tables and role-related audit records, by content hash.
    #[default]
    Reference,
    /// Nothing.
    None,
}

pub(super) const FORMATS: [(&str, OutputFormat); 2] = [("delta", OutputFormat::Delta), ("parquet", OutputFormat::Parquet)];
pub(super) const COMPRESSIONS: [(&str, Compression); 2] = [("keep", Compression::Keep), ("zstd", Compression::Zstd)];
pub(super) const KEEP_INPUTS: [(&str, KeepInputs); 2] = [("reference", KeepInputs::Reference), ("none", KeepInputs::None)];

pub(super) fn output(file: &Section<'_>, root: &Path) -> Result<OutputSpec> {
    let example = "[output] with uri = \"out/\"";
    let section = file.section("output", keys::OUTPUT)?.ok_or_else(|| file.missing("output", example))?;
    let uri = section.required("uri", "uri = \"out/\"")?;
    let format = section.word("format", &FORMATS)?.unwrap_or_default();
    Ok(OutputSpec {
        uri: location::resolve("output.uri", &uri, root)?,
        format,
        compression: section.word("compression", &COMPRESSIONS)?.unwrap_or_default(),
        keep_inputs: section.word("keep_inputs", &KEEP_INPUTS)?.unwrap_or_default(),
        carry: carry(&section)?,
    })
}

/// The schema knows which names it can take; here the message gets its line and column.
fn carry(section: &Section<'_>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for placed in section.texts("carry")? {
        names.push(placed.text.value.clone());
        check_carry(&names).map_err(|error| {
            let trouble = error.trouble();
            let seen = format!("\"output.carry\" has {:?}: {}", placed.text.value, trouble.seen);
            Error::usage(trouble.code, TRIED, &placed.place, seen, trouble.next.clone())
        })?;
    }
    Ok(names)
}
