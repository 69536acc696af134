//! What a file is, told by its first bytes: columns of tables, keys of JSON. Names only help where content says nothing.

use std::io::Read;

use crate::error::Result;
use crate::reference;
use crate::source::csv_file::CsvFile;
use crate::source::parquet_file::ParquetFile;
use crate::store::{InputFile, io_trouble};
use crate::table_file::{Need, Wanted, Written, written};

/// Bytes of a JSON file that are looked at.
const HEAD_BYTES: u64 = 256 << 10;
/// The file Cost Management writes beside an export.
const MANIFEST: &str = "manifest.json";

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A Cost Management export's manifest.
    Manifest,
    /// Charges in Cost Management's columns.
    Charges,
    /// Charges in a format of a later version: its name.
    ChargesLater(&'static str),
    /// An audit log, by the job file's word for its format.
    Audit(&'static str),
    /// `az role assignment list`.
    RoleAssignments,
    /// `az managedservices assignment list`.
    Registrations,
    /// `[]`: a list of something that held nothing.
    EmptyList,
    /// `az ad group list`.
    Groups,
    /// `az managementpartner show`.
    PartnerLink,
    /// A reference table, by its key in the job file.
    Table(&'static str),
    /// Nothing of the above.
    Unknown,
}

/// Tells what a file is. One that cannot be read as what its name says is [`Kind::Unknown`]: `check` and `run` will say why.
/// # Errors
/// `Storage` if it cannot be read at all.
pub(super) fn kind(file: &InputFile) -> Result<Kind> {
    let name = file.relative.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if name == "pt1h.json" {
        return Ok(Kind::Audit("activity-log-json"));
    }
    match written_as(file, &name)? {
        Some(Written::Parquet) => Ok(ParquetFile::open(&file.at, &file.name)
            .map_or(Kind::Unknown, |parquet| by_columns(&parquet.columns().iter().map(|c| c.name.to_ascii_lowercase()).collect::<Vec<_>>()))),
        Some(csv @ (Written::Csv | Written::CsvGz)) => Ok(CsvFile::open_with_notes(&file.at, csv == Written::CsvGz, &file.name)
            .map_or(Kind::Unknown, |csv| by_columns(&csv.header().iter().map(|c| c.to_ascii_lowercase()).collect::<Vec<_>>()))),
        Some(Written::Json) => Ok(by_keys(&head(file)?, &name)),
        None => Ok(Kind::Unknown),
    }
}

/// How a file is written; `None` for names of other things (notes, scripts, pictures).
fn written_as(file: &InputFile, name: &str) -> Result<Option<Written>> {
    let lines = [".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"];
    if lines.iter().any(|suffix| name.ends_with(suffix)) {
        return Ok(Some(Written::Json));
    }
    let ours = [".parquet", ".pq", ".csv", ".csv.gz", ".json"];
    if ours.iter().any(|suffix| name.ends_with(suffix)) { written(file).map(Some) } else { Ok(None) }
}

fn by_columns(columns: &[String]) -> Kind {
    let has = |name: &str| columns.iter().any(|c| c == name);
    if has("operationnamevalue") && has("timegenerated") {
        return Kind::Audit("azure-activity");
    }
    if has("chargecategory") && has("billedcost") {
        return Kind::ChargesLater("focus");
    }
    if has("entitlementid") && (has("mpnid") || has("partnerid")) {
        return Kind::ChargesLater("daily-rated-usage");
    }
    if has("meterid") && has("paygprice") && has("chargetype") {
        return Kind::Charges;
    }
    let fits = |wanted: &[Wanted]| {
        let either = |w: &&Wanted| w.need == Need::Either;
        wanted.iter().all(|w| w.need != Need::Required || has(w.name))
            && (!wanted.iter().any(|w| either(&w)) || wanted.iter().filter(either).any(|w| has(w.name)))
    };
    reference::COLUMNS.iter().find(|(_, wanted)| fits(wanted)).map_or(Kind::Unknown, |(name, _)| Kind::Table(name))
}

/// The first bytes as lower-case text, unpacked.
fn head(file: &InputFile) -> Result<String> {
    let trouble = |e: std::io::Error| io_trouble("looking at a file", &file.name, &e);
    let opened = file.at.reader().map_err(trouble)?;
    let mut bytes = Vec::new();
    let read = if file.relative.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(opened).take(HEAD_BYTES).read_to_end(&mut bytes)
    } else {
        opened.take(HEAD_BYTES).read_to_end(&mut bytes)
    };
    match read {
        // What was unpacked before damage still tells what it was meant to be.
        Ok(_) | Err(_) if !bytes.is_empty() => Ok(String::from_utf8_lossy(&bytes).to_ascii_lowercase()),
        Ok(_) => Ok(String::new()),
        Err(e) => Err(trouble(e)),
    }
}

/// Audit logs come first: their records carry role assignments inside.
fn by_keys(head: &str, name: &str) -> Kind {
    let has = |key: &str| head.contains(&format!("\"{key}\""));
    let text = head.trim_start_matches('\u{feff}').trim();
    if name == MANIFEST && has("exportconfig") {
        return Kind::Manifest;
    }
    if matches!(text, "[]" | "{\"value\":[]}") || text.strip_prefix('[').is_some_and(|rest| rest.trim() == "]") {
        return Kind::EmptyList;
    }
    if has("operationnamevalue") {
        return Kind::Audit("azure-activity");
    }
    if has("operationname") && (has("eventtimestamp") || has("time") || has("records")) {
        return Kind::Audit("activity-log-json");
    }
    if has("registrationdefinitionid") || has("registrationdefinition") {
        return Kind::Registrations;
    }
    if has("roledefinitionid") && has("principalid") {
        return Kind::RoleAssignments;
    }
    if has("partnerid") && has("objectid") {
        return Kind::PartnerLink;
    }
    if has("displayname") && (head.contains("\"adminagents\"") || head.contains("\"helpdeskagents\"")) {
        return Kind::Groups;
    }
    if has("entitlementid") { Kind::ChargesLater("daily-rated-usage") } else { Kind::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Kind {
        by_columns(&names.iter().map(|n| n.to_ascii_lowercase()).collect::<Vec<_>>())
    }

    #[test]
    fn tables_are_known_by_their_columns() {
        assert_eq!(columns(&["TimeGenerated", "OperationNameValue", "Caller"]), Kind::Audit("azure-activity"));
        assert_eq!(columns(&["date", "meterId", "PayGPrice", "chargeType"]), Kind::Charges);
        assert_eq!(columns(&["ChargeCategory", "BilledCost"]), Kind::ChargesLater("focus"));
        assert_eq!(columns(&["PartnerId", "EntitlementId"]), Kind::ChargesLater("daily-rated-usage"));
        assert_eq!(columns(&["definition_id", "principal_id", "role_definition_id", "valid_from", "valid_until"]), Kind::Table("lighthouse_definitions"));
        assert_eq!(columns(&["role_definition_id", "role_name", "earns", "valid_from", "valid_until"]), Kind::Table("roles"));
        assert_eq!(columns(&["meter_id", "rate", "valid_from", "valid_until"]), Kind::Table("rates"));
        assert_eq!(columns(&["a", "b"]), Kind::Unknown);
    }

    #[test]
    fn json_is_known_by_its_keys() {
        let record = r#"{"time": "x", "operationname": "microsoft.authorization/roleassignments/write", "properties": {"requestbody": "{\"principalid\": 1, \"roledefinitionid\": 2}"}}"#;
        assert_eq!(by_keys(record, "a.json"), Kind::Audit("activity-log-json"), "an audit record carries an assignment inside");
        assert_eq!(by_keys(r#"[{"eventtimestamp": 1, "operationname": {}}]"#, "a.json"), Kind::Audit("activity-log-json"));
        assert_eq!(by_keys(r#"{"operationnamevalue": 1}"#, "a.json"), Kind::Audit("azure-activity"));
        assert_eq!(by_keys(r#"[{"principalid": 1, "roledefinitionid": 2}]"#, "a.json"), Kind::RoleAssignments);
        assert_eq!(by_keys(r#"[{"properties": {"registrationdefinitionid": 1}, "principalid": 1, "roledefinitionid": 1}]"#, "a.json"), Kind::Registrations);
        assert_eq!(by_keys(r#"{"partnerid": "1", "objectid": "2"}"#, "a.json"), Kind::PartnerLink);
        assert_eq!(by_keys(r#"[{"displayname": "adminagents", "id": "1"}]"#, "a.json"), Kind::Groups);
        assert_eq!((by_keys("[]", "a.json"), by_keys("\u{feff}[\n]\n", "a.json")), (Kind::EmptyList, Kind::EmptyList));
        assert_eq!((by_keys(r#"{"exportconfig": 1}"#, "manifest.json"), by_keys("{}", "manifest.json")), (Kind::Manifest, Kind::Unknown));
    }
}
