//! An output read as a later program would read it: live files only, into rows that can be compared (R-AGAIN-6).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pecan::job::{Job, OutputFormat};
use pecan::pipeline::open_output;
use pecan::schema::{Table, name};
use pecan::sink::{LiveFile, Output};

/// A cell as text; `None` is null.
pub type Text = Option<String>;

/// The rows of a table.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Text>>,
}

impl Rows {
    fn at(&self, column: &str) -> usize {
        self.names.iter().position(|n| n == column).unwrap_or_else(|| panic!("no column {column} among {:?}", self.names))
    }

    /// One column of a row; null as the empty text.
    pub fn cell<'a>(&self, row: &'a [Text], column: &str) -> &'a str {
        row[self.at(column)].as_deref().unwrap_or_default()
    }

    /// All values of a column; null as the empty text.
    pub fn column(&self, column: &str) -> Vec<&str> {
        let at = self.at(column);
        self.rows.iter().map(|row| row[at].as_deref().unwrap_or_default()).collect()
    }

    fn without(&self, columns: &[&str]) -> Rows {
        let kept: Vec<usize> = (0..self.names.len()).filter(|at| !columns.contains(&self.names[*at].as_str())).collect();
        let rows = self.rows.iter().map(|row| kept.iter().map(|at| row[*at].clone()).collect());
        Rows { rows: rows.collect(), names: kept.iter().map(|at| self.names[*at].clone()).collect() }
    }

    fn lower(mut self, columns: &[&str]) -> Rows {
        for column in columns {
            let at = self.at(column);
            self.rows.iter_mut().filter_map(|row| row[at].as_mut()).for_each(|text| *text = text.to_lowercase());
        }
        self
    }

    /// One line of text per row, sorted.
    fn lines(&self) -> Vec<String> {
        let line = |row: &Vec<Text>| {
            let cells = self.names.iter().zip(row).filter_map(|(name, cell)| cell.as_ref().map(|cell| format!("{name}={cell:?}")));
            cells.collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// A column as text; lists of text sorted and in lower case.
fn texts(column: &ArrayRef) -> Vec<Text> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).expect("every type of ours can be shown");
    let is_texts = matches!(column.data_type(), DataType::List(item) if *item.data_type() == DataType::Utf8);
    let show = |row: usize| {
        if is_texts {
            let list = column.as_list::<i32>().value(row);
            let mut items: Vec<String> = list.as_string::<i32>().iter().map(|t| t.unwrap_or_default().to_lowercase()).collect();
            items.sort();
            return items.join(" ");
        }
        formatter.value(row).to_string()
    };
    (0..column.len()).map(|row| column.is_valid(row).then(|| show(row))).collect()
}

/// The record batches of a Parquet file.
pub fn batches(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.map(|batch| batch.expect("a whole file")).collect()
}

/// The live files of a table, those of one run after the other never together.
pub fn live(output: &Output, table: Table) -> Vec<LiveFile> {
    output.live(table).expect("a readable table").map(|state| state.files).unwrap_or_default()
}

/// Everything a table of a job's output holds.
pub fn read(job: &Job, table: Table) -> Rows {
    let output = open_output(job).expect("an output");
    let mut all = Rows { names: table.schema(output.carry()).fields().iter().map(|f| f.name().clone()).collect(), rows: Vec::new() };
    for file in live(&output, table) {
        for batch in batches(&output.path_of(table, &file).expect("a local output")) {
            let columns: Vec<Vec<Text>> = all.names.iter().map(|name| column_of(&batch, name, &file)).collect();
            all.rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect()));
        }
    }
    all
}

fn column_of(batch: &RecordBatch, column: &str, file: &LiveFile) -> Vec<Text> {
    match (batch.column_by_name(column), &file.month) {
        (Some(array), _) => texts(array),
        (None, Some(month)) if column == name::BILLING_MONTH => vec![Some(month.clone()); batch.num_rows()],
        _ => panic!("{} has no column {column}", file.path),
    }
}

/// A decimal of fixed scale as an integer.
pub fn unscaled(text: &str) -> i128 {
    text.replace('.', "").parse().unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

/// `fact_credit_daily` added up by its key without group_id.
fn summed(daily: &Rows) -> Rows {
    let sums =
        [name::CHARGES, name::QUANTITY, name::LIST_COST, name::CREDIT_PRICING, name::CREDIT_BILLING, name::APPLIED_CREDIT_BILLING, name::MISSED_CREDIT_BILLING];
    let keys = daily.without(&sums).without(&[name::GROUP_ID]).lower(&[name::CUSTOMER_ID, name::SUBSCRIPTION_ID, name::METER_ID]);
    let mut cells: BTreeMap<Vec<Text>, Vec<Option<i128>>> = BTreeMap::new();
    for (row, key) in daily.rows.iter().zip(&keys.rows) {
        let cell = cells.entry(key.clone()).or_insert_with(|| vec![None; sums.len()]);
        for (sum, column) in cell.iter_mut().zip(sums) {
            let value = row[daily.at(column)].as_deref().map(unscaled);
            *sum = sum.zip(value).map(|(a, b)| a + b).or(*sum).or(value);
        }
    }
    let names = keys.names.into_iter().chain(sums.map(String::from)).collect();
    let rows = cells.into_iter().map(|(key, sums)| key.into_iter().chain(sums.into_iter().map(|s| s.map(|s| s.to_string()))).collect());
    Rows { names, rows: rows.collect() }
}

/// Tables by name as sorted lines of text: equal if and only if the outputs are equal tables in the sense of R-AGAIN-6.
pub type Canonical = BTreeMap<&'static str, Vec<String>>;

/// The output of a job in that form.
pub fn canonical(job: &Job) -> Canonical {
    let mut tables = Canonical::new();
    for table in Table::ALL.into_iter().filter(|t| *t != Table::Run) {
        let rows = read(job, table);
        let lines = match table {
            Table::FactCreditLine => rows.without(&[name::SOURCE, name::SOURCE_FILE, name::SOURCE_RUN, name::SOURCE_ROW]).lines(),
            Table::FactCreditDaily => summed(&rows).lines(),
            Table::FactAccessDay => {
                let lines = rows.without(&[name::GROUP_ID]).lower(&[name::SCOPE]).lines();
                lines.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
            }
            Table::Rejection => rows.without(&[name::FILE, name::ROW, name::SOURCE_RUN, name::GROUP_ID, name::MESSAGE]).lines(),
            _ => rows.lines(),
        };
        tables.insert(table.name(), lines);
    }
    tables
}

/// Fails with the first differing rows.
pub fn assert_equal(given: &Canonical, expected: &Canonical, what: &str) {
    let mut wrong = String::new();
    for (table, expected) in expected {
        let given = &given[table];
        if given != expected {
            let only = |these: &[String], those: &[String]| -> Vec<String> {
                let mut rest: BTreeMap<&String, usize> = BTreeMap::new();
                those.iter().for_each(|line| *rest.entry(line).or_default() += 1);
                let new = these.iter().filter(|line| rest.get_mut(line).is_none_or(|n| n.checked_sub(1).map(|less| *n = less).is_none()));
                new.take(3).cloned().collect()
            };
            wrong += &format!("{table}: {} rows, expected {}\n", given.len(), expected.len());
            only(given, expected).iter().for_each(|line| wrong += &format!("  given     {line}\n"));
            only(expected, given).iter().for_each(|line| wrong += &format!("  expected  {line}\n"));
        }
    }
    assert!(wrong.is_empty(), "{what}: tables differ\n{wrong}");
}

/// The bytes of every live data file by table, month and group: names of files hold the run and differ.
pub fn data_bytes(job: &Job) -> BTreeMap<(&'static str, Text, String), Vec<u8>> {
    let output = open_output(job).expect("an output");
    let mut bytes = BTreeMap::new();
    for table in Table::ALL.into_iter().filter(|t| *t != Table::Run) {
        for file in live(&output, table) {
            let content = std::fs::read(output.path_of(table, &file).expect("a local output")).expect("a live file is there");
            let doubled = bytes.insert((table.name(), file.month.clone(), file.group.clone()), content);
            assert!(doubled.is_none(), "{} has two files of {} in {:?}", table.name(), file.group, file.month);
        }
    }
    bytes
}

/// Everything below a folder with its bytes; folders end in `/` and have none.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()) {
            if entry.is_dir() {
                found.insert(entry.clone(), None);
                open.push(entry);
            } else {
                let bytes = std::fs::read(&entry).unwrap_or_else(|e| panic!("{}: {e}", entry.display()));
                found.insert(entry, Some(bytes));
            }
        }
    }
    found
}

/// Whether a job writes Delta tables.
pub fn is_delta(job: &Job) -> bool {
    job.output.format == OutputFormat::Delta
}
