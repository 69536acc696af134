//! The charges of a group, read and decided batch by batch, with nothing written: a run encodes what it is handed here,
//! `check` only looks at it.
//!
//! Row groups are decoded and decided by several threads, a bounded number at a time, and handed on in order.

use super::GroupOutput;
use super::turns::in_order;
use crate::answers::{AccessTable, Answers};
use crate::conserve::{Control, FileRows};
use crate::decide::cells::Daily;
use crate::decide::lines::{CodedTexts, Provenance};
use crate::decide::{Context, Decided, RowFault, ScopeNews, decide};
use crate::error::Result;
use crate::known::Known;
use crate::progress::Progress;
use crate::rejection::Rejection;
use crate::source::{ChargeBatch, ChargeFile, ChargeGroup, ChargeReader, ColumnNames, RawBatch};

/// Files of a group in a store whose beginning is asked for while one is read.
const FILES_AHEAD: usize = 4;

/// What charges are read and decided with.
pub struct Desk<'a> {
    /// Everything known but the charges.
    pub known: &'a Known,
    /// Access intervals by scope, as a frame.
    pub access: &'a AccessTable,
    /// Names of `output.carry`.
    pub carry: &'a [String],
    /// Progress line.
    pub progress: &'a Progress,
    /// Whether losses are added up.
    pub losses: bool,
}

/// A batch after the heavy work.
pub struct Settled<T> {
    /// What the caller made of its credit lines.
    pub made: T,
    /// Its rejections, in the order of rows.
    pub rejections: Vec<Rejection>,
    /// How many credit lines and rejections it came to.
    pub rows: FileRows,
    /// Sums and names; nothing staged, no files.
    pub part: GroupOutput,
    /// What is to be told of its scopes.
    pub(super) scopes: ScopeNews,
    /// Sums of the decoded input.
    pub(super) control: Control,
}

/// A group under way.
pub struct Reading<'a> {
    group: &'a ChargeGroup,
    source: &'a str,
    desk: &'a Desk<'a>,
    answers: Answers<'a>,
    texts: CodedTexts,
}

impl<'a> Reading<'a> {
    /// Nothing read yet. `source`: name of the charges source.
    pub fn new(group: &'a ChargeGroup, source: &'a str, desk: &'a Desk<'a>) -> Reading<'a> {
        let knowledge = &desk.known.knowledge;
        let texts = CodedTexts {
            organisations: knowledge.parties.organisations().to_vec(),
            billed_mpn_ids: knowledge.parties.all_billed().iter().map(|b| b.mpn_id.clone()).collect(),
        };
        Reading { group, source, desk, answers: Answers::new(knowledge, desk.access), texts }
    }

    /// Reads a file, a bounded number of batches at a time. `make` runs on any thread, `take` in the order of rows.
    /// # Errors
    /// `Input` for a bad file or a sum that does not fit; what `make` and `take` answer.
    pub fn file<T: Send>(
        &self,
        file: &ChargeFile,
        make: impl Fn(&ChargeBatch, &Decided) -> Result<T> + Sync,
        take: &mut dyn FnMut(Settled<T>) -> Result<()>,
    ) -> Result<FileRows> {
        let of_group = self.group.files.iter().skip_while(|of_group| *of_group != file);
        of_group.take(1 + FILES_AHEAD).for_each(|next| next.at.ask_ahead());
        let mut reader = ChargeReader::open(file, self.desk.carry)?;
        let names = reader.header().clone();
        let provenance = Provenance { source: self.source.to_owned(), source_file: file.source_file.clone(), source_run: file.source_run.clone() };
        let mut progress = self.desk.progress.file(file.bytes);
        let mut counted = FileRows { file: file.place.clone(), ..FileRows::default() };
        let rows_read = &mut counted.read;
        let read = || {
            let raw = reader.next()?;
            *rows_read += raw.as_ref().map_or(0, |raw| raw.rows() as u64);
            Ok(raw.map(|raw| (raw, reader.bytes_done())))
        };
        let settle = |(raw, reached): (RawBatch, u64)| self.settle(raw, &provenance, &names, &make).map(|settled| (settled, reached));
        let (mut lines, mut rejections) = (0, 0);
        in_order(rayon::current_num_threads(), read, settle, &mut |(batch, reached)| {
            lines += batch.rows.lines;
            rejections += batch.rows.rejections;
            progress.reached(batch.rows.lines + batch.rows.rejections, reached);
            take(batch)
        })?;
        Ok(FileRows { lines, rejections, ..counted })
    }

    /// The heavy work of one batch.
    fn settle<T>(
        &self,
        raw: RawBatch,
        provenance: &Provenance,
        names: &ColumnNames,
        make: &impl Fn(&ChargeBatch, &Decided) -> Result<T>,
    ) -> Result<Settled<T>> {
        let batch = raw.decode()?;
        let context = Context {
            knowledge: &self.desk.known.knowledge,
            answers: &self.answers,
            texts: &self.texts,
            carry: self.desk.carry,
            group_id: &self.group.group_id,
            losses: self.desk.losses,
        };
        let decided = decide(&batch, provenance, &context)?;
        let made = make(&batch, &decided)?;
        let daily = Daily::of_batch(&decided.cells, &self.group.group_id)?;
        let rejection = |(row, fault): &(usize, RowFault)| self.rejection(batch.first_row, *row, fault, provenance, names);
        Ok(Settled {
            made,
            rejections: decided.rejected.iter().map(rejection).collect(),
            rows: FileRows { lines: decided.accepted, rejections: decided.rejected.len() as u64, ..FileRows::default() },
            part: GroupOutput {
                daily,
                names: decided.names,
                footprint: decided.footprint,
                price_adjusted: decided.price_adjusted.into_iter().collect(),
                operands_rounded: decided.operands_rounded,
                subscription_mismatches: decided.subscription_mismatches,
                ..GroupOutput::default()
            },
            scopes: decided.scopes,
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
}
