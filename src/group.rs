//! One group of input files → its output files, staged and audited (R-AGAIN-1, R-CONSERVE).
//!
//! Row groups are decoded, decided and encoded by several threads, a bounded number at a time, and appended in order:
//! memory follows row group size × threads, and the same files in the same order give the same bytes.

mod days;
mod rows;

use std::collections::BTreeMap;

use pecan_core::time::Day;
use rayon::prelude::*;

use self::days::AccessDays;
use crate::answers::{AccessTable, Answers};
use crate::conserve::{Control, FileRows, check_rows, check_sums};
use crate::decide::cells::Daily;
use crate::decide::lines::{CodedTexts, Provenance};
use crate::decide::newest::Names;
use crate::decide::{Context, MissedByScope, RowFault, decide};
use crate::error::Result;
use crate::known::Known;
use crate::progress::Progress;
use crate::rejection::Rejection;
use crate::schema::Table;
use crate::sink::Output;
use crate::source::{ChargeFile, ChargeGroup, ChargeReader, ColumnNames, RawBatch};
use crate::stage::{EncodedRowGroup, FileSpec, FileWriter, RowGroupEncoder, StagedFile, read_back};

/// What all groups of a run share.
pub struct Shop<'a> {
    /// Everything known but the charges.
    pub known: &'a Known,
    /// Access intervals by scope, as a frame.
    pub access: &'a AccessTable,
    /// Where files are staged.
    pub output: &'a Output,
    /// Names of `output.carry`.
    pub carry: &'a [String],
    /// This run.
    pub run_id: &'a str,
    /// Progress line.
    pub progress: &'a Progress,
}

/// The staged output of a group with everything the run report needs.
#[derive(Default)]
pub struct GroupOutput {
    /// Staged files of all tables.
    pub staged: Vec<StagedFile>,
    /// Rows of each input file.
    pub files: Vec<FileRows>,
    /// Daily sums.
    pub daily: Daily,
    /// Missed credit by scope.
    pub missed: MissedByScope,
    /// Names for the dims.
    pub names: Names,
    /// Lines with lower net cost, by pricing currency.
    pub price_adjusted: BTreeMap<Option<String>, (u64, i128)>,
    /// Operand cells rounded to 22 places.
    pub operands_rounded: u64,
    /// Rows whose id lies in another subscription than the column says.
    pub subscription_mismatches: u64,
}

/// A batch after the heavy work, ready to be appended.
struct Finished {
    lines: Vec<(i32, EncodedRowGroup)>,
    rejections: Vec<Rejection>,
    rows: FileRows,
    part: GroupOutput,
    days: AccessDays,
    control: Control,
}

/// Processes a group and stages its output under `fingerprint`.
/// # Errors
/// `Input` for a bad file; `Storage` when staging fails; `Bug` when the conservation audit fails. Staged files are deleted.
pub fn process(group: &ChargeGroup, source: &str, fingerprint: &str, shop: &Shop) -> Result<GroupOutput> {
    let mut staged = Vec::new();
    let output = Work::new(group, source, fingerprint, shop).and_then(|work| work.run(&mut staged));
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
    source: &'a str,
    fingerprint: &'a str,
    shop: &'a Shop<'a>,
    answers: Answers<'a>,
    texts: CodedTexts,
    encoder: RowGroupEncoder,
    writers: BTreeMap<i32, FileWriter>,
    output: GroupOutput,
    rejections: Vec<Rejection>,
    days: AccessDays,
    control: Control,
}

impl<'a> Work<'a> {
    fn new(group: &'a ChargeGroup, source: &'a str, fingerprint: &'a str, shop: &'a Shop<'a>) -> Result<Work<'a>> {
        let knowledge = &shop.known.knowledge;
        Ok(Work {
            group,
            source,
            fingerprint,
            shop,
            answers: Answers::new(knowledge, shop.access),
            texts: CodedTexts {
                organisations: knowledge.parties.organisations().to_vec(),
                billed_mpn_ids: knowledge.parties.all_billed().iter().map(|b| b.mpn_id.clone()).collect(),
            },
            encoder: shop.output.encoder(Table::FactCreditLine)?,
            writers: BTreeMap::new(),
            output: GroupOutput::default(),
            rejections: Vec::new(),
            days: AccessDays::default(),
            control: Control::default(),
        })
    }

    fn run(mut self, staged: &mut Vec<StagedFile>) -> Result<GroupOutput> {
        for file in &self.group.files {
            self.read_file(file)?;
        }
        check_rows(&self.group.group_id, &self.output.files)?;
        for writer in std::mem::take(&mut self.writers).into_values() {
            staged.push(writer.finish()?);
        }
        let line_files = staged.len();
        self.stage_small_tables(staged)?;
        let read = |files: &[StagedFile]| files.iter().map(read_back).collect::<Result<Vec<_>>>();
        let lines = read(&staged[..line_files])?;
        let daily_files: Vec<StagedFile> = staged.iter().filter(|f| f.table == Table::FactCreditDaily).cloned().collect();
        check_sums(&self.group.group_id, &self.control, &lines, &self.output.daily, &read(&daily_files)?)?;
        Ok(self.output)
    }

    /// Reads a file in waves of as many batches as there are threads.
    fn read_file(&mut self, file: &ChargeFile) -> Result<()> {
        let mut reader = ChargeReader::open(file, self.shop.carry)?;
        let names = reader.header().clone();
        let provenance = Provenance { source: self.source.to_owned(), source_file: file.source_file.clone(), source_run: file.source_run.clone() };
        let mut counted = FileRows { file: file.place.clone(), ..FileRows::default() };
        loop {
            let wave = next_wave(&mut reader, &mut counted.read)?;
            if wave.is_empty() {
                break;
            }
            let finished: Vec<Result<Finished>> = wave.into_par_iter().map(|raw| self.finish(raw, &provenance, &names)).collect();
            for batch in finished {
                let batch = batch?;
                counted.lines += batch.rows.lines;
                counted.rejections += batch.rows.rejections;
                self.append(batch)?;
            }
        }
        self.shop.progress.add(0, file.bytes);
        self.output.files.push(counted);
        Ok(())
    }

    /// The heavy work of one batch; runs on any thread.
    fn finish(&self, raw: RawBatch, provenance: &Provenance, names: &ColumnNames) -> Result<Finished> {
        let batch = raw.decode()?;
        let context = Context {
            knowledge: &self.shop.known.knowledge,
            answers: &self.answers,
            texts: &self.texts,
            carry: self.shop.carry,
            group_id: &self.group.group_id,
        };
        let decided = decide(&batch, provenance, &context)?;
        let mut daily = Daily::default();
        daily.add(&decided.cells, &self.group.group_id)?;
        let mut days = AccessDays::default();
        days.add(&decided.scope_days);
        let rejection = |(row, fault): &(usize, RowFault)| self.rejection(batch.first_row, *row, fault, provenance, names);
        let lines = decided.lines.iter().map(|(month, batch)| Ok((*month, self.encoder.encode(batch)?)));
        Ok(Finished {
            lines: lines.collect::<Result<_>>()?,
            rejections: decided.rejected.iter().map(rejection).collect(),
            rows: FileRows { lines: decided.accepted, rejections: decided.rejected.len() as u64, ..FileRows::default() },
            part: GroupOutput {
                daily,
                missed: decided.missed,
                names: decided.names,
                price_adjusted: decided.price_adjusted.into_iter().collect(),
                operands_rounded: decided.operands_rounded,
                subscription_mismatches: decided.subscription_mismatches,
                ..GroupOutput::default()
            },
            days,
            control: decided.control,
        })
    }

    fn rejection(&self, first_row: i64, row: usize, fault: &RowFault, from: &Provenance, names: &ColumnNames) -> Rejection {
        let column = fault.field.map(|field| names.name(field).to_owned()).or(fault.amount.map(str::to_owned));
        let row = u64::try_from(first_row).unwrap_or(0) + row as u64;
        let rejection = Rejection::new(&from.source_file, fault.reason, &fault.message).with_row(row).with_value(&fault.value);
        let rejection = rejection.with_group(&from.source, from.source_run.clone(), &self.group.group_id);
        match column {
            Some(column) => rejection.with_column(column),
            None => rejection,
        }
    }

    /// Takes a finished batch in, in order.
    fn append(&mut self, batch: Finished) -> Result<()> {
        for (month, encoded) in batch.lines {
            let writer = match self.writers.entry(month) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let spec = spec(self.shop, Table::FactCreditLine, Some(month), &self.group.group_id, self.fingerprint);
                    entry.insert(self.shop.output.writer(spec)?)
                }
            };
            writer.append(encoded)?;
        }
        self.shop.progress.add(batch.rows.lines + batch.rows.rejections, 0);
        self.rejections.extend(batch.rejections);
        self.days.merge(batch.days);
        self.control.merge(&batch.control);
        self.output.merge(batch.part, &self.group.group_id)
    }

    /// The daily sums, the access days and the rejections of the group.
    fn stage_small_tables(&self, staged: &mut Vec<StagedFile>) -> Result<()> {
        let group = &self.group.group_id;
        let daily = rows::daily_batches(&self.output.daily, group)?;
        let days = self.days.batches(&self.shop.known.knowledge, group)?;
        for (table, batches) in [(Table::FactCreditDaily, daily), (Table::FactAccessDay, days)] {
            for (month, batch) in batches {
                let spec = spec(self.shop, table, Some(month), group, self.fingerprint);
                staged.push(stage(self.shop.output, spec, &batch)?);
            }
        }
        if !self.rejections.is_empty() {
            let spec = spec(self.shop, Table::Rejection, None, group, self.fingerprint);
            staged.push(stage(self.shop.output, spec, &rows::rejection_batch(&self.rejections)?)?);
        }
        Ok(())
    }
}

/// Writes one batch as a whole file.
/// # Errors
/// `Storage` when the file cannot be written.
pub fn stage(output: &Output, spec: FileSpec, batch: &arrow::array::RecordBatch) -> Result<StagedFile> {
    let mut writer = output.writer(spec)?;
    let encoded = writer.encode(batch)?;
    writer.append(encoded)?;
    writer.finish()
}

pub use self::rows::{record_batch, rejection_batch, texts};

fn spec(shop: &Shop, table: Table, month: Option<i32>, group: &str, fingerprint: &str) -> FileSpec {
    FileSpec { table, month: month.map(|day| Day(day).month()), group: group.to_owned(), fingerprint: fingerprint.to_owned(), run: shop.run_id.to_owned(), ordinal: 0 }
}

fn next_wave(reader: &mut ChargeReader, rows: &mut u64) -> Result<Vec<RawBatch>> {
    let mut wave = Vec::new();
    while wave.len() < rayon::current_num_threads() {
        match reader.next()? {
            None => break,
            Some(raw) => {
                *rows += raw.rows() as u64;
                wave.push(raw);
            }
        }
    }
    Ok(wave)
}

impl GroupOutput {
    fn merge(&mut self, part: GroupOutput, group: &str) -> Result<()> {
        self.daily.merge(part.daily, group)?;
        self.names.merge(&part.names);
        self.operands_rounded += part.operands_rounded;
        self.subscription_mismatches += part.subscription_mismatches;
        for (key, (shown, amount)) in part.missed {
            let entry = self.missed.entry(key).or_insert_with(|| (shown.clone(), 0));
            entry.1 = crate::decide::cells::checked_sum(entry.1, amount).map_err(|e| e.error(group))?;
            if shown < entry.0 {
                entry.0 = shown;
            }
        }
        for (currency, (lines, amount)) in part.price_adjusted {
            let sum = self.price_adjusted.entry(currency).or_default();
            *sum = (sum.0 + lines, crate::decide::cells::checked_sum(sum.1, amount).map_err(|e| e.error(group))?);
        }
        Ok(())
    }

    /// Rows read, credit lines, rejections.
    pub fn row_counts(&self) -> (u64, u64, u64) {
        self.files.iter().fold((0, 0, 0), |(r, l, x), f| (r + f.read, l + f.lines, x + f.rejections))
    }

    /// First and last usage day of the credit lines.
    pub fn days(&self) -> Option<(i32, i32)> {
        let days = || self.daily.cells.keys().map(|key| key.day);
        days().min().zip(days().max())
    }
}
