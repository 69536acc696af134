//! The schema and the properties of a Delta table: ours, checked, and widened when carried columns are new.

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::kernel::{Action, EagerSnapshot, MetadataExt as _, Protocol, StructField, StructType, new_metadata};

use crate::error::{Error, Result};
use crate::schema::{self, Table, name};

/// Refuses a table that is not ours, is of a newer schema, or needs a protocol above reader 1, writer 2.
pub fn check(table: Table, place: &str, snapshot: &EagerSnapshot) -> Result<()> {
    let property = snapshot.metadata().configuration().get(schema::PROPERTY);
    let Some(version) = property.and_then(|version| version.parse::<u32>().ok()) else {
        let seen = match property {
            Some(written) => format!("its property {} is {written:?}", schema::PROPERTY),
            None => format!("a table without the property {} that all of ours have", schema::PROPERTY),
        };
        return Err(foreign(table, place, &seen));
    };
    if version > schema::VERSION {
        return Err(newer(table, place, version));
    }
    let protocol = snapshot.protocol();
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    if reader > 1 || writer > 2 {
        return Err(foreign(table, place, &format!("another program raised its protocol to reader {reader}, writer {writer}")));
    }
    Ok(())
}

/// The refusal of a table that a newer version of the program wrote (exit 2).
pub fn newer(table: Table, place: &str, version: u32) -> Error {
    let seen = format!("{} = {version}; this program writes {}", schema::PROPERTY, schema::VERSION);
    Error::usage("schema_newer", format!("opening table {}", table.name()), place, seen, "use the newer pecan that wrote it, or another output.uri")
}

/// The refusal of a table we did not make or may not write (exit 2).
pub fn foreign(table: Table, place: &str, seen: &dyn std::fmt::Display) -> Error {
    Error::usage("table_foreign", format!("opening table {}", table.name()), place, seen, "use another output.uri, or undo what was done to this table")
}

/// The protocol and metadata actions a commit needs: both for a new table, metadata when columns are new, else none.
pub fn actions(table: Table, carry: &[String], place: &str, snapshot: Option<&EagerSnapshot>) -> Result<Vec<Action>> {
    let bug = |seen: String| Error::bug("delta_schema", "building a Delta schema", table.name(), seen, "report this");
    let wanted: StructType = table.schema(carry).as_ref().try_into_kernel().map_err(|e| bug(format!("{e}")))?;
    let Some(snapshot) = snapshot else {
        let protocol: Protocol = serde_json::from_value(serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2})).map_err(|e| bug(e.to_string()))?;
        let partitions: &[&str] = if table.partitioned() { &[name::BILLING_MONTH] } else { &[] };
        let properties = [(schema::PROPERTY, schema::VERSION.to_string()), bounded(table)];
        let metadata = new_metadata(&wanted, partitions.iter().copied(), properties).map_err(|e| bug(e.to_string()))?;
        return Ok(vec![Action::Protocol(protocol), Action::Metadata(metadata)]);
    };
    check(table, place, snapshot)?;
    let (key, value) = bounded(table);
    let told = snapshot.metadata().configuration().get(key) == Some(&value);
    let fields = widened(table, place, &snapshot.schema(), &wanted)?;
    if told && fields.is_none() {
        return Ok(Vec::new());
    }
    let mut metadata = snapshot.metadata().clone().add_config_key(key.to_owned(), value).map_err(|e| bug(e.to_string()))?;
    if let Some(fields) = fields {
        let schema = StructType::try_new(fields).map_err(|e| bug(e.to_string()))?;
        metadata = metadata.with_schema(&schema).map_err(|e| bug(e.to_string()))?;
    }
    Ok(vec![Action::Metadata(metadata)])
}

/// The property that tells readers which columns have bounds in our statistics. Without it Python's deltalake takes the
/// lack of a bound for a bound of null, and its filters find nothing (delta-rs 3173).
fn bounded(table: Table) -> (&'static str, String) {
    let schema = table.schema(&[]);
    let columns: Vec<&str> = schema::BOUNDED.into_iter().filter(|column| schema.field_with_name(column).is_ok()).collect();
    match columns.is_empty() {
        true => ("delta.dataSkippingNumIndexedCols", String::from("0")),
        false => ("delta.dataSkippingStatsColumns", columns.join(",")),
    }
}

/// The fields of the table with new ones appended, or `None` if it has all. Columns no longer carried stay: their values
/// are null in new files. New ones are nullable whatever they are in ours, since old files lack them.
fn widened(table: Table, place: &str, has: &StructType, wanted: &StructType) -> Result<Option<Vec<StructField>>> {
    let mut fields: Vec<StructField> = has.fields().cloned().collect();
    let before = fields.len();
    for field in wanted.fields() {
        match has.fields().find(|old| old.name().to_lowercase() == field.name().to_lowercase()) {
            Some(old) if old.name() != field.name() => {
                return Err(Error::usage(
                    "carry_case",
                    format!("adding a column to table {}", table.name()),
                    place,
                    format!("the table has {:?}, output.carry says {:?}", old.name(), field.name()),
                    "write the name in output.carry as the table has it",
                ));
            }
            Some(old) if old.data_type() != field.data_type() => {
                return Err(foreign(table, place, &format!("column {} is {} there, and {} here", field.name(), old.data_type(), field.data_type())));
            }
            Some(_) => {}
            None => fields.push(StructField::nullable(field.name(), field.data_type().clone())),
        }
    }
    Ok((fields.len() > before).then_some(fields))
}
