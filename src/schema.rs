//! Every output table and column: names, exact types, nullability, meaning and unit (data-contracts §2).
//!
//! Nothing else in the program spells a table or column name. One list of [`Column`]s per table is the source of the
//! Arrow schema, of the Delta and Parquet schemas, of the statistics we keep and of `docs/TABLES.md`
//! ([`tables_markdown`]). Within schema version [`VERSION`] columns are only ever added.

#[rustfmt::skip] // one line per column
mod dims;
#[rustfmt::skip] // one line per column
mod facts;
pub mod name;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};

/// The table property that names the version of these schemas.
pub const PROPERTY: &str = "pecan.schema";
/// The version written here; a table with a greater one is refused (exit 2).
pub const VERSION: u32 = 1;

/// Columns whose smallest and greatest value are kept in our statistics (details 40).
pub const BOUNDED: [&str; 4] = [name::USAGE_DATE, name::CUSTOMER_ID, name::SUBSCRIPTION_ID, name::OUTCOME];
/// Numeric columns whose sums the conservation audit compares (details 38).
pub const SUMMED: [&str; 7] = [
    name::QUANTITY,
    name::LIST_COST,
    name::CREDIT_PRICING,
    name::CREDIT_BILLING,
    name::APPLIED_CREDIT_BILLING,
    name::IMPLIED_CREDIT_PRICING,
    name::MISSED_CREDIT_BILLING,
];

/// What a column holds; each has one Arrow type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int,
    /// True or false.
    Flag,
    /// A calendar day (date32).
    Day,
    /// An instant in microseconds, UTC.
    Instant,
    /// decimal(38,22): operands and rates.
    D22,
    /// decimal(38,12): amounts.
    D12,
    /// list<text>.
    Texts,
    /// list<struct<from, until>> of instants.
    Gaps,
    /// list<struct<…>> of the input files of a run.
    RunInputs,
    /// list<struct<…>> of the tables of a run.
    RunTables,
    /// list<struct<…>> of the credit a run changed.
    RunChanges,
}

/// One column of an output table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, everywhere.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is never null.
    pub required: bool,
    /// Unit of its numbers, or the kind of text; empty where neither says anything.
    pub unit: &'static str,
    /// What it means, for `docs/TABLES.md`.
    pub meaning: &'static str,
}

const fn required(name: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind, required: true, unit, meaning }
}

const fn optional(name: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind, required: false, unit, meaning }
}

/// The output tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is described by `Table::about`")]
pub enum Table {
    FactCreditLine,
    FactCreditDaily,
    FactAccessInterval,
    FactAccessDay,
    Rejection,
    FactDifference,
    FactAdjustment,
    DimCustomer,
    DimSubscription,
    DimMeter,
    DimPartner,
    DimRole,
    DimDate,
    Run,
}

struct About {
    name: &'static str,
    key: &'static [&'static str],
    partitioned: bool,
    columns: &'static [Column],
    meaning: &'static str,
}

impl Table {
    /// All tables, in the order of the documents.
    pub const ALL: [Table; 14] = [
        Table::FactCreditLine,
        Table::FactCreditDaily,
        Table::FactAccessInterval,
        Table::FactAccessDay,
        Table::Rejection,
        Table::FactDifference,
        Table::FactAdjustment,
        Table::DimCustomer,
        Table::DimSubscription,
        Table::DimMeter,
        Table::DimPartner,
        Table::DimRole,
        Table::DimDate,
        Table::Run,
    ];

    fn about(self) -> &'static About {
        match self {
            Table::FactCreditLine => &facts::CREDIT_LINE,
            Table::FactCreditDaily => &facts::CREDIT_DAILY,
            Table::FactAccessInterval => &facts::ACCESS_INTERVAL,
            Table::FactAccessDay => &facts::ACCESS_DAY,
            Table::Rejection => &facts::REJECTION,
            Table::FactDifference => &facts::DIFFERENCE,
            Table::FactAdjustment => &facts::ADJUSTMENT,
            Table::DimCustomer => &dims::CUSTOMER,
            Table::DimSubscription => &dims::SUBSCRIPTION,
            Table::DimMeter => &dims::METER,
            Table::DimPartner => &dims::PARTNER,
            Table::DimRole => &dims::ROLE,
            Table::DimDate => &dims::DATE,
            Table::Run => &dims::RUN,
        }
    }

    /// Its name: that of its folder, too.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns that identify a row.
    pub fn key(self) -> &'static [&'static str] {
        self.about().key
    }

    /// Whether it is partitioned by [`name::BILLING_MONTH`].
    pub fn partitioned(self) -> bool {
        self.about().partitioned
    }

    /// Its own columns, without `output.carry`.
    pub fn columns(self) -> &'static [Column] {
        self.about().columns
    }

    /// The carried columns this table gets: all for credit lines, none for others.
    fn carried(self, carry: &[String]) -> &[String] {
        if self == Table::FactCreditLine { carry } else { &[] }
    }

    /// The logical schema: own columns in order, partition column included, then `carry` as nullable text.
    pub fn schema(self, carry: &[String]) -> SchemaRef {
        let own = self.columns().iter().map(Column::field);
        let carried = self.carried(carry).iter().map(|name| Field::new(name, DataType::Utf8, true));
        Arc::new(Schema::new(own.chain(carried).collect::<Vec<_>>()))
    }

    /// The schema inside its Parquet files: the logical one without the partition column, whose value is in the path.
    pub fn file_schema(self, carry: &[String]) -> SchemaRef {
        let logical = self.schema(carry);
        let partitioned = self.partitioned();
        let kept = logical.fields().iter().filter(|f| !(partitioned && f.name() == name::BILLING_MONTH)).cloned();
        Arc::new(Schema::new(kept.collect::<Vec<_>>()))
    }
}

impl Column {
    /// The Arrow field.
    pub fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), !self.required)
    }
}

impl Kind {
    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Flag => DataType::Boolean,
            Kind::Day => DataType::Date32,
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::D22 => DataType::Decimal128(38, 22),
            Kind::D12 => DataType::Decimal128(38, 12),
            Kind::Texts => list_of(DataType::Utf8),
            Kind::Gaps => list_of_parts(dims::GAP),
            Kind::RunInputs => list_of_parts(dims::RUN_INPUT),
            Kind::RunTables => list_of_parts(dims::RUN_TABLE),
            Kind::RunChanges => list_of_parts(dims::RUN_CHANGE),
        }
    }

    /// The type as the documents write it.
    pub fn type_text(self) -> String {
        let parts = |parts: &[(&str, Kind)]| {
            let parts: Vec<String> = parts.iter().map(|(name, kind)| format!("{name} {}", kind.type_text())).collect();
            format!("list<struct<{}>>", parts.join(", "))
        };
        match self {
            Kind::Text => "text".into(),
            Kind::Int => "int64".into(),
            Kind::Flag => "bool".into(),
            Kind::Day => "date32".into(),
            Kind::Instant => "timestamp(µs, UTC)".into(),
            Kind::D22 => "decimal(38,22)".into(),
            Kind::D12 => "decimal(38,12)".into(),
            Kind::Texts => "list<text>".into(),
            Kind::Gaps => parts(dims::GAP),
            Kind::RunInputs => parts(dims::RUN_INPUT),
            Kind::RunTables => parts(dims::RUN_TABLE),
            Kind::RunChanges => parts(dims::RUN_CHANGE),
        }
    }
}

/// Lists name their items `element`, as the Parquet format and Spark do.
fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, true)))
}

fn list_of_parts(parts: &[(&str, Kind)]) -> DataType {
    let fields: Vec<Field> = parts.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true)).collect();
    list_of(DataType::Struct(Fields::from(fields)))
}

/// Checks the names of `output.carry` (data-contracts §2): none may equal one of our columns or another one (case is
/// ignored), and each must be a name that Delta tables can hold.
///
/// # Errors
/// `Error::Usage` (exit 2) naming the column.
pub fn check_carry(carry: &[String]) -> Result<()> {
    let refuse = |name: &str, seen: &str, next: &str| Err(Error::usage("carry_name", "reading output.carry", format!("output.carry: {name:?}"), seen, next));
    for (position, name) in carry.iter().enumerate() {
        let same = |other: &str| other.to_lowercase() == name.to_lowercase();
        if Table::FactCreditLine.columns().iter().any(|column| same(column.name)) {
            return refuse(name, "fact_credit_line has a column of this name", "leave it out: the table has it already");
        }
        if carry[..position].iter().any(|other| same(other)) {
            return refuse(name, "the name is listed twice", "list it once");
        }
        if name.is_empty() || name.contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=']) {
            return refuse(name, "a Delta table cannot hold a column of this name", "leave it out, or rename it in the source");
        }
    }
    Ok(())
}

/// `docs/TABLES.md`: every table and column with type, unit and meaning.
pub fn tables_markdown() -> String {
    let mut text = String::from(
        "# The tables\n\nGenerated from `src/schema.rs`. \
         Types: `decimal(38,22)` for operands and rates, `decimal(38,12)` for amounts; instants are microseconds in UTC. \
         A column marked * is never null.\n",
    );
    for table in Table::ALL {
        let about = table.about();
        let layout = if about.partitioned { "Partitioned by `billing_month`." } else { "Not partitioned." };
        text.push_str(&format!("\n## {}\n{} {layout} Key: {}.\n\n", about.name, about.meaning, about.key.join(", ")));
        text.push_str("| column | type | unit | meaning |\n|---|---|---|---|\n");
        for column in about.columns {
            let star = if column.required { "*" } else { "" };
            let kind = column.kind.type_text();
            text.push_str(&format!("| `{}`{star} | {kind} | {} | {} |\n", column.name, column.unit, column.meaning));
        }
        if table == Table::FactCreditLine {
            text.push_str("| the columns of `output.carry` | text | | input columns carried through: text unchanged, other types in their shortest text form, null where the input lacks the column |\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_columns_and_names_are_unique() {
        for table in Table::ALL {
            let names: BTreeSet<_> = table.columns().iter().map(|c| c.name).collect();
            assert_eq!(names.len(), table.columns().len(), "{}", table.name());
            assert!(table.key().iter().all(|key| names.contains(key)), "{}", table.name());
            assert_eq!(Table::from_name(table.name()), Some(table));
            let in_files = table.file_schema(&[]).fields().len();
            assert_eq!(in_files + usize::from(table.partitioned()), names.len());
        }
        assert!(tables_markdown().contains("| `quantity` | decimal(38,22) |"));
    }

    #[test]
    fn carry_is_checked() {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(check_carry(&names(&["tags", "meterCategory"])).is_ok());
        for bad in [&["Rate"][..], &["tags", "Tags"], &["a b"], &[""]] {
            assert_eq!(check_carry(&names(bad)).unwrap_err().exit_code(), 2, "{bad:?}");
        }
        let schema = Table::FactCreditLine.schema(&names(&["tags"]));
        assert_eq!(schema.fields().last().map(|f| (f.name().as_str(), f.is_nullable())), Some(("tags", true)));
        assert_eq!(Table::DimMeter.schema(&names(&["tags"])), Table::DimMeter.schema(&[]));
    }
}
