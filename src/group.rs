//! One group of input files → its output files, staged and audited (R-AGAIN-1, R-CONSERVE).
//!
//! Row groups are decoded, decided and encoded by several threads, a bounded number at a time, and appended in order:
//! memory follows row group size × threads, plus what a group is told apart by: its daily cells and scope-days, at most those
//! of 256 MiB of input. The same files in the same order give the same bytes.

mod days;
mod reading;
mod reported;
mod rows;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::RecordBatch;
use pecan_core::time::Day;
use rayon::prelude::*;

pub use self::days::ScopeLedger;
pub use self::reading::{Desk, Reading, Settled};
pub use self::reported::reported;
use self::turns::in_order;
use crate::conserve::{Control, FileRows, check_rows, check_sums};
use crate::decide::Decided;
use crate::decide::cells::Daily;
use crate::decide::newest::Names;
use crate::error::Result;
use crate::footprint::Footprint;
use crate::rejection::Rejection;
use crate::schema::Table;
use crate::sink::Output;
use crate::source::{ChargeBatch, ChargeFile, ChargeGroup};
use crate::stage::{EncodedRowGroup, FileSpec, FileWriter, ReadBack, StagedFile, WrittenFile, read_back};
use crate::store::content_hash;

/// What all groups of a run share.
pub struct Shop<'a> {
    /// What charges are read and decided with.
    pub desk: Desk<'a>,
    /// Where files are staged.
    pub output: &'a Output,
    /// This run.
    pub run_id: &'a str,
}

/// The staged output of a group with everything the run report needs.
#[derive(Default)]
pub struct GroupOutput {
    /// Staged files of all tables.
    pub staged: Vec<StagedFile>,
    /// Of each staged file, in their order: BLAKE3 of its bytes, and counts and sums of credit lines and daily sums read back.
    pub made: Vec<(String, Option<ReadBack>)>,
    /// Rows of each input file.
    pub files: Vec<FileRows>,
    /// Daily sums.
    pub daily: Daily,
    /// Access by day and missed credit, by scope.
    pub scopes: ScopeLedger,
    /// What the charges ask.
    pub footprint: Footprint,
    /// Names for the dims.
    pub names: Names,
    /// Lines with lower net cost, by pricing currency.
    pub price_adjusted: BTreeMap<Option<String>, (u64, i128)>,
    /// Operand cells rounded to 22 places.
    pub operands_rounded: u64,
    /// Rows whose id lies in another subscription than the column says.
    pub subscription_mismatches: u64,
    /// Closed months it has rows of: their files are not staged any more.
    pub withheld: Vec<String>,
}

/// Processes a group and stages its output. `content` is the fingerprint of its content: what else the output rests on is
/// known only once its charges were read, see [`GroupOutput::seal`].
/// # Errors
/// `Input` for a bad file; `Storage` when staging fails; `Bug` when the conservation audit fails. Staged files are deleted.
pub fn process(group: &ChargeGroup, source: &str, content: &str, shop: &Shop) -> Result<GroupOutput> {
    let mut staged = Vec::new();
    let reading = Reading::new(group, source, &shop.desk);
    let output = Work::new(group, content, shop).run(&reading, &mut staged);
    match output {
        Ok(output) => Ok(GroupOutput { staged, ..output }),
        Err(error) => {
            // The first error is the one to tell; what cannot be deleted now is never referred to by any table.
            let _ = shop.output.discard(&staged);
            Err(error)
        }
    }
}

struct Work<'a> {
    group: &'a ChargeGroup,
    content: &'a str,
    shop: &'a Shop<'a>,
    writers: BTreeMap<i32, FileWriter>,
    output: GroupOutput,
    rejections: Vec<Rejection>,
    control: Control,
}

impl<'a> Work<'a> {
    fn new(group: &'a ChargeGroup, content: &'a str, shop: &'a Shop<'a>) -> Work<'a> {
        Work { group, content, shop, writers: BTreeMap::new(), output: GroupOutput::default(), rejections: Vec::new(), control: Control::default() }
    }

    fn run(mut self, reading: &Reading, staged: &mut Vec<StagedFile>) -> Result<GroupOutput> {
        for file in &self.group.files {
            self.read_file(reading, file)?;
        }
        check_rows(&self.group.group_id, &self.output.files)?;
        let mut written = std::mem::take(&mut self.writers).into_values().map(FileWriter::finish).collect::<Result<Vec<_>>>()?;
        self.write_small_tables(&mut written)?;
        let has_sums = |file: &WrittenFile| matches!(file.table(), Table::FactCreditLine | Table::FactCreditDaily);
        let made = |file: &WrittenFile| Ok((content_hash(file.path())?, has_sums(file).then(|| read_back(file)).transpose()?));
        self.output.made = written.par_iter().map(made).collect::<Result<Vec<_>>>()?;
        let read = |table: Table| -> Vec<ReadBack> {
            let of_table = written.iter().zip(&self.output.made).filter(|(file, _)| file.table() == table);
            of_table.filter_map(|(_, (_, sums))| sums.clone()).collect()
        };
        check_sums(&self.group.group_id, &self.control, &read(Table::FactCreditLine), &self.output.daily, &read(Table::FactCreditDaily))?;
        for file in written {
            staged.push(self.shop.output.stage(file)?);
        }
        Ok(self.output)
    }

    fn read_file(&mut self, reading: &Reading, file: &ChargeFile) -> Result<()> {
        let encoder = self.shop.output.encoder(Table::FactCreditLine)?;
        let encode = |_: &ChargeBatch, decided: &Decided| -> Result<Vec<(i32, EncodedRowGroup)>> {
            decided.lines.iter().map(|(month, batch)| Ok((*month, encoder.encode(batch)?))).collect()
        };
        let counted = reading.file(file, encode, &mut |settled| self.append(settled))?;
        self.output.files.push(counted);
        Ok(())
    }

    /// Takes a batch in, in order.
    fn append(&mut self, batch: Settled<Vec<(i32, EncodedRowGroup)>>) -> Result<()> {
        for (month, encoded) in batch.made {
            let writer = match self.writers.entry(month) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let spec = spec(self.shop, Table::FactCreditLine, Some(month), &self.group.group_id, self.content);
                    entry.insert(self.shop.output.writer(spec)?)
                }
            };
            writer.append(encoded)?;
        }
        self.rejections.extend(batch.rejections);
        self.output.scopes.add(&batch.scopes, &self.group.group_id)?;
        self.control.merge(&batch.control);
        self.output.merge(batch.part, &self.group.group_id)
    }

    /// The daily sums, the access days and the rejections of the group.
    fn write_small_tables(&mut self, written: &mut Vec<WrittenFile>) -> Result<()> {
        let group = &self.group.group_id;
        let knowledge = &self.shop.desk.known.knowledge;
        let spec_of = |table, month| spec(self.shop, table, Some(month), group, self.content);
        let daily = &self.output.daily;
        for (month, places) in daily.sorted() {
            let part = |range: Range<usize>| rows::daily_batch(daily, &places[range], group);
            written.push(write_parts(self.shop.output, spec_of(Table::FactCreditDaily, month), places.len(), part)?);
        }
        for (month, days) in self.output.scopes.months() {
            let part = |range| days.batch(range, knowledge, group);
            written.push(write_parts(self.shop.output, spec_of(Table::FactAccessDay, month), days.rows(), part)?);
        }
        if !self.rejections.is_empty() {
            let spec = spec(self.shop, Table::Rejection, None, group, self.content);
            written.push(write(self.shop.output, spec, &rows::rejection_batch(&self.rejections)?)?);
        }
        Ok(())
    }
}

/// Rows of a row group in files that are written from one batch.
const ROW_GROUP: usize = 131_072;

/// Writes one batch as a whole file and stages it.
/// # Errors
/// `Storage` when the file cannot be written.
pub fn stage(output: &Output, spec: FileSpec, batch: &RecordBatch) -> Result<StagedFile> {
    output.stage(write(output, spec, batch)?)
}

/// Writes one batch as a whole file.
/// # Errors
/// `Storage` when the file cannot be written.
pub fn write(output: &Output, spec: FileSpec, batch: &RecordBatch) -> Result<WrittenFile> {
    write_parts(output, spec, batch.num_rows(), |range| Ok(batch.slice(range.start, range.len())))
}

/// Writes a whole file of so many rows; its row groups are made and encoded by several threads, a few at a time.
/// # Errors
/// `Storage` when the file cannot be written; what `part` answers.
fn write_parts(output: &Output, spec: FileSpec, rows: usize, part: impl Fn(Range<usize>) -> Result<RecordBatch> + Sync) -> Result<WrittenFile> {
    let mut writer = output.writer(spec)?;
    let encoder = writer.encoder();
    let mut firsts = (0..rows).step_by(ROW_GROUP);
    let threads = rayon::current_num_threads().min(rows.div_ceil(ROW_GROUP));
    let encode = |first: usize| encoder.encode(&part(first..(first + ROW_GROUP).min(rows))?);
    in_order(threads, || Ok(firsts.next()), encode, &mut |group| writer.append(group))?;
    writer.finish()
}

pub use self::rows::{record_batch, rejection_batch, texts};

fn spec(shop: &Shop, table: Table, month: Option<i32>, group: &str, content: &str) -> FileSpec {
    FileSpec {
        table,
        month: month.map(|day| Day(day).month()),
        group: group.to_owned(),
        fingerprint: content.to_owned(),
        run: shop.run_id.to_owned(),
        ordinal: 0,
    }
}

impl GroupOutput {
    /// Adds what a batch, or another group's files, came to.
    /// # Errors
    /// `Input` if a sum does not fit.
    pub fn merge(&mut self, part: GroupOutput, group: &str) -> Result<()> {
        self.daily.merge(&part.daily, group)?;
        self.names.merge(&part.names);
        self.footprint.merge(part.footprint);
        self.operands_rounded += part.operands_rounded;
        self.subscription_mismatches += part.subscription_mismatches;
        for (currency, (lines, amount)) in part.price_adjusted {
            let sum = self.price_adjusted.entry(currency).or_default();
            *sum = (sum.0 + lines, crate::decide::cells::checked_sum(sum.1, amount).map_err(|e| e.error(group))?);
        }
        Ok(())
    }

    /// Takes back what was staged for closed months. Returns the credit lines that are withheld.
    /// # Errors
    /// `Storage`.
    pub fn withhold(&mut self, closed: &BTreeSet<String>, output: &Output) -> Result<u64> {
        let made = std::mem::take(&mut self.made);
        let is_closed = |file: &StagedFile| file.month.as_ref().is_some_and(|month| closed.contains(month));
        let (back, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.staged).into_iter().zip(made).partition(|(file, _)| is_closed(file));
        (self.staged, self.made) = kept.into_iter().unzip();
        let back: Vec<StagedFile> = back.into_iter().map(|(file, _)| file).collect();
        output.discard(&back)?;
        self.withheld = back.iter().filter_map(|file| file.month.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        Ok(back.iter().filter(|file| file.table == Table::FactCreditLine).map(|file| file.rows).sum())
    }

    /// Gives the staged files the fingerprint of all they rest on.
    pub fn seal(&mut self, fingerprint: &str) {
        self.staged.iter_mut().for_each(|file| fingerprint.clone_into(&mut file.fingerprint));
    }

    /// Rows read, credit lines, rejections.
    pub fn row_counts(&self) -> (u64, u64, u64) {
        self.files.iter().fold((0, 0, 0), |(r, l, x), f| (r + f.read, l + f.lines, x + f.rejections))
    }

    /// First and last usage day of the credit lines.
    pub fn days(&self) -> Option<(i32, i32)> {
        self.daily.days().min().zip(self.daily.days().max())
    }
}
