//! The conservation audit can fail: rows lost, doubled or altered between the decision and the staged file are found, and
//! the message names group and column (R-CONSERVE, details 38).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Decimal128Type};
use pecan::answers::{AccessTable, Answers};
use pecan::conserve::{Control, FileRows, check_rows, check_sums};
use pecan::decide::cells::Daily;
use pecan::decide::lines::{CodedTexts, Provenance};
use pecan::decide::{Context, decide};
use pecan::error::{Error, Result};
use pecan::group::{Desk, Shop, process, write};
use pecan::job::Job;
use pecan::known::Known;
use pecan::pipeline::open_output;
use pecan::progress::Progress;
use pecan::schema::SUMMED;
use pecan::schema::{Table, name};
use pecan::sink::{FileSpec, Output, StagedFile, WrittenFile, read_back};
use pecan::source::{ChargeGroup, ChargeReader, discover};

use crate::jobs::workshop::{Workshop, options, try_run};
use crate::tables::{batches, tree};

/// One group of the sample, decided: what should be staged, and what the input adds up to.
struct Settled {
    workshop: Workshop,
    group: ChargeGroup,
    output: Output,
    /// Credit lines of the group's one month.
    lines: RecordBatch,
    control: Control,
    /// The daily sums, batch by batch.
    daily: Vec<Daily>,
    daily_file: RecordBatch,
}

fn rows_of(output: &Output, files: &[StagedFile], table: Table) -> RecordBatch {
    let place = |file: &StagedFile| output.storage().path(&file.key).expect("a local output");
    let rows: Vec<RecordBatch> = files.iter().filter(|f| f.table == table).flat_map(|f| batches(&place(f))).collect();
    concat_batches(&rows[0].schema(), &rows).expect("batches of one file")
}

impl Settled {
    fn new() -> Settled {
        let workshop = Workshop::sample();
        let job: Job = workshop.job(&[]);
        let known = Known::read(&job).expect("known");
        let access = AccessTable::new(&known.knowledge).expect("a frame");
        let output = open_output(&job).expect("an output");
        let group = discover(0, &job.charges[0]).expect("groups").groups.remove(0);
        let answers = Answers::new(&known.knowledge, &access);
        let parties = &known.knowledge.parties;
        let texts =
            CodedTexts { organisations: parties.organisations().to_vec(), billed_mpn_ids: parties.all_billed().iter().map(|b| b.mpn_id.clone()).collect() };
        let carry = job.output.carry.clone();
        let context = Context { knowledge: &known.knowledge, answers: &answers, texts: &texts, carry: &carry, group_id: &group.group_id, losses: false };
        let (mut control, mut daily) = (Control::default(), Vec::new());
        for file in &group.files {
            let provenance = Provenance { source: String::from("contoso"), source_file: file.source_file.clone(), source_run: file.source_run.clone() };
            let mut reader = ChargeReader::open(file, &carry).expect("a reader");
            while let Some(raw) = reader.next().expect("rows") {
                let batch = raw.decode().expect("a batch");
                let decided = decide(&batch, &provenance, &context).expect("decided");
                control.merge(&decided.control);
                daily.push(Daily::of_batch(&decided.cells, &group.group_id).expect("sums"));
            }
        }
        let desk = Desk { known: &known, access: &access, carry: &carry, progress: &Progress::off(), losses: false };
        let settled = process(&group, "contoso", "fingerprint", &Shop { desk, output: &output, run_id: "honest" }).expect("an honest group");
        let (lines, daily_file) = (rows_of(&output, &settled.staged, Table::FactCreditLine), rows_of(&output, &settled.staged, Table::FactCreditDaily));
        Settled { workshop, group, output, lines, control, daily, daily_file }
    }

    fn write(&self, table: Table, rows: &RecordBatch) -> WrittenFile {
        let spec = FileSpec {
            table,
            month: Some(String::from("2026-09")),
            group: self.group.group_id.clone(),
            fingerprint: String::from("f"),
            run: String::from("tampered"),
            ordinal: 1,
        };
        write(&self.output, spec, rows).expect("a written file")
    }

    fn daily(&self, batches: &[Daily]) -> Daily {
        let mut all = Daily::default();
        batches.iter().for_each(|daily| all.merge(daily, &self.group.group_id).expect("sums"));
        all
    }

    /// Stages these rows, reads them back and compares them with the input.
    fn check(&self, lines: &RecordBatch, daily: &Daily, daily_file: &RecordBatch) -> Result<()> {
        let lines = read_back(&self.write(Table::FactCreditLine, lines))?;
        let daily_file = read_back(&self.write(Table::FactCreditDaily, daily_file))?;
        check_sums(&self.group.group_id, &self.control, &[lines], daily, &[daily_file])
    }

    /// The message about tampered credit lines; it must be a bug that names the group.
    fn caught(&self, lines: &RecordBatch) -> String {
        self.told(self.check(lines, &self.daily(&self.daily), &self.daily_file))
    }

    fn told(&self, result: Result<()>) -> String {
        let error = result.expect_err("the audit passed over it");
        assert!(matches!(error, Error::Bug(_)) && error.exit_code() == 1, "{error}");
        assert!(error.to_string().contains(&self.group.group_id), "{error}");
        error.trouble().seen.clone()
    }
}

/// The rows at these places, in this order.
fn rows_at(rows: &RecordBatch, places: impl Iterator<Item = usize>) -> RecordBatch {
    let places = places.map(|at| u32::try_from(at).expect("few rows"));
    take_record_batch(rows, &UInt32Array::from(places.collect::<Vec<_>>())).expect("rows that are there")
}

fn with_column(rows: &RecordBatch, column: &str, values: ArrayRef) -> RecordBatch {
    let at = rows.schema().index_of(column).expect("a column");
    let mut columns = rows.columns().to_vec();
    columns[at] = values;
    RecordBatch::try_new(rows.schema(), columns).expect("the same type")
}

/// The same rows with the last digit of one value changed.
fn altered(rows: &RecordBatch, column: &str) -> RecordBatch {
    let values = rows.column_by_name(column).expect("a column").as_primitive::<Decimal128Type>();
    let first = (0..values.len()).find(|row| values.is_valid(*row)).expect("a value");
    let changed = values.iter().enumerate().map(|(row, value)| value.map(|v| if row == first { v + 1 } else { v }));
    let changed: Decimal128Array = changed.collect::<Decimal128Array>().with_data_type(values.data_type().clone());
    with_column(rows, column, Arc::new(changed))
}

#[test]
fn honest_files_pass() {
    let settled = Settled::new();
    assert!(settled.lines.num_rows() > 100 && settled.daily.len() > 1);
    settled.check(&settled.lines, &settled.daily(&settled.daily), &settled.daily_file).unwrap_or_else(|e| panic!("{e}"));
}

/// R-CONSERVE: a row less, a row more, and one for the other.
#[test]
fn lost_and_doubled_rows_are_found() {
    let settled = Settled::new();
    let (lines, count) = (&settled.lines, settled.lines.num_rows());
    for lost in [0, count / 2, count - 1] {
        let seen = settled.caught(&rows_at(lines, (0..count).filter(|at| *at != lost)));
        assert_eq!(seen, format!("rows of credit lines: expected {count}, found {}", count - 1));
        let seen = settled.caught(&rows_at(lines, (0..count).chain([lost])));
        assert_eq!(seen, format!("rows of credit lines: expected {count}, found {}", count + 1));
    }
    // As many rows as before, but one twice and one not at all.
    let seen = settled.caught(&rows_at(lines, (0..count - 1).chain([0])));
    assert!(seen.starts_with("sum of "), "{seen}");
}

/// R-CONSERVE: one unit in the last place of any audited column, or a value moved to another currency.
#[test]
fn altered_values_are_found_by_column() {
    let settled = Settled::new();
    for column in SUMMED.into_iter().filter(|c| settled.lines.schema().index_of(c).is_ok()) {
        let seen = settled.caught(&altered(&settled.lines, column));
        assert!(seen.starts_with(&format!("sum of {column} of credit lines in ")), "{seen}");
    }
    let currencies = cast(settled.lines.column_by_name(name::BILLING_CURRENCY).expect("a column"), &DataType::Utf8).expect("text");
    let moved = currencies.as_string::<i32>().iter().enumerate().map(|(row, c)| if row == 0 { Some("CHF") } else { c });
    let seen = settled.caught(&with_column(&settled.lines, name::BILLING_CURRENCY, Arc::new(moved.collect::<StringArray>())));
    assert!(seen.starts_with("sum of ") && seen.contains(" of credit lines in "), "{seen}");
}

/// R-CONSERVE: the daily sums in memory and on disk are held against the lines, too.
#[test]
fn daily_sums_that_differ_from_the_lines_are_found() {
    let settled = Settled::new();
    let (lines, daily, file) = (&settled.lines, settled.daily(&settled.daily), &settled.daily_file);
    let seen = settled.told(settled.check(lines, &settled.daily(&settled.daily[1..]), file));
    assert!(seen.starts_with("rows of daily cells"), "{seen}");
    let seen = settled.told(settled.check(lines, &daily, &rows_at(file, 1..file.num_rows())));
    assert!(seen.starts_with("rows of fact_credit_daily"), "{seen}");
    for column in SUMMED.into_iter().filter(|c| file.schema().index_of(c).is_ok()) {
        let seen = settled.told(settled.check(lines, &daily, &altered(file, column)));
        assert!(seen.starts_with(&format!("sum of {column} of daily files in ")), "{seen}");
    }
}

/// R-CONSERVE: rows read = credit lines + rejections, per file; and what is read back is what was written.
#[test]
fn rows_per_file_and_bytes_on_disk_are_checked() {
    let file = |read, lines, rejections| FileRows { file: String::from("in/a.csv"), read, lines, rejections };
    assert!(check_rows("g", &[file(3, 2, 1), file(0, 0, 0)]).is_ok());
    for wrong in [file(3, 2, 0), file(3, 3, 1), file(0, 0, 1)] {
        let error = check_rows("group-1", &[file(3, 2, 1), wrong]).expect_err("rows are missing");
        assert!(matches!(error, Error::Bug(_)), "{error}");
        assert!(error.to_string().contains("in/a.csv") && error.to_string().contains("group-1"), "{error}");
    }
    let settled = Settled::new();
    let staged = settled.write(Table::FactCreditLine, &settled.lines);
    let bytes = std::fs::read(staged.path()).expect("a written file");
    for shorter in [0, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(staged.path(), &bytes[..shorter]).expect("written");
        let error = read_back(&staged).expect_err("a file cut short");
        assert!(matches!(error, Error::Storage(_)), "{error}");
    }
    let other = settled.write(Table::FactCreditDaily, &settled.daily_file);
    std::fs::copy(other.path(), staged.path()).expect("copied");
    assert!(read_back(&staged).is_err(), "another file in its place");
}

/// R-CONSERVE: a manifest that promises other rows than its file holds stops the run; nothing is committed.
#[test]
fn a_manifest_with_another_row_count_stops_the_run() {
    let settled = Settled::new();
    let run = settled.workshop.path("sample_data/exports/contoso/pec-actual/20260901-20260930/22222222-0000-4000-8000-000000000001");
    let manifest = std::fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"dataRowCount\": 28"), "{manifest}");
    for count in [27, 29] {
        let changed = manifest.replace("\"dataRowCount\": 28", &format!("\"dataRowCount\": {count}"));
        std::fs::write(run.join("manifest.json"), changed).expect("written");
        let job = settled.workshop.job_to("refused/");
        let error = try_run(&job, &options()).expect_err("other rows than promised");
        assert_eq!(error.exit_code(), 3, "{error}");
        assert!(tree(&settled.workshop.path("jobs/refused")).values().all(Option::is_none), "files are left behind");
    }
}
