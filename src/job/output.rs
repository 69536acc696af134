//! `[output]`.

use std::path::Path;

use super::reading::{Section, wrong_value};
use super::{keys, location};
use crate::error::Result;
use crate::schema::Table;

/// Characters Delta Lake refuses in column names without column mapping.
const DELTA_REFUSES: &str = " ,;{}()\n\t=";

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

pub(super) fn output(file: &Section<'_>, root: &Path) -> Result<OutputSpec> {
    let example = "[output] with uri = \"out/\"";
    let section = file.section("output", keys::OUTPUT)?.ok_or_else(|| file.missing("output", example))?;
    let uri = section.required("uri", "uri = \"out/\"")?;
    let format = section.word("format", &[("delta", OutputFormat::Delta), ("parquet", OutputFormat::Parquet)])?.unwrap_or_default();
    Ok(OutputSpec {
        uri: location::resolve("output.uri", &uri, root)?,
        format,
        compression: section.word("compression", &[("keep", Compression::Keep), ("zstd", Compression::Zstd)])?.unwrap_or_default(),
        keep_inputs: section.word("keep_inputs", &[("reference", KeepInputs::Reference), ("none", KeepInputs::None)])?.unwrap_or_default(),
        carry: carry(&section, format)?,
    })
}

/// Names are compared without case: most readers of the tables do.
fn carry(section: &Section<'_>, format: OutputFormat) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for placed in section.texts("carry")? {
        let name = placed.text.value;
        let wrong = |why: &str| wrong_value("output.carry", &placed.place, &format!("a list with {name:?}, {why}"), "other names, as in the source's header");
        if let Some(own) = Table::FactCreditLine.columns().iter().find(|column| column.name.eq_ignore_ascii_case(&name)) {
            return Err(wrong(&format!("which {} has already as its own column {:?}", Table::FactCreditLine.name(), own.name)));
        }
        if names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            return Err(wrong("named twice (case does not count)"));
        }
        if format == OutputFormat::Delta && name.contains(|c| DELTA_REFUSES.contains(c)) {
            return Err(wrong("which holds a character that Delta Lake column names cannot have (blank , ; { } ( ) = tab or line break)"));
        }
        names.push(name);
    }
    Ok(names)
}
