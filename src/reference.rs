//! Reading the reference tables of a job (data-contracts §1.3): CSV, Parquet, and what `az` prints of assignments as JSON.
//!
//! A row that cannot be understood is a rejection of its file and the run goes on (details 17, 37); a file that cannot
//! be read, or that lacks a column, stops it.

mod az;
mod definitions;
mod row;
mod tables;

use std::collections::BTreeMap;

use pecan_core::event::{ListedAssignment, Place, PrincipalKinds, Space};
use pecan_core::reference::Authorization;

use crate::error::{Error, Result};
use crate::files_read::FilesRead;
use crate::job::{Job, ListStamp, Reference as Sources, ReferenceFile};
use crate::rejection::Rejection;
use crate::store::{self, InputFile};
use crate::table_file::{Batch, Need, Wanted, Written, each_batch, written};
use definitions::Definitions;
use row::{Row, RowFault, Rows};

pub use tables::COLUMNS;

/// What the reference files of a job say.
#[derive(Debug, Default)]
pub struct ReferenceInput {
    /// Every row that could be understood.
    pub reference: pecan_core::reference::Reference,
    /// Every row that could not, by file and row.
    pub rejections: Vec<Rejection>,
    /// What is counted for the run report.
    pub counts: BTreeMap<&'static str, u64>,
    /// What lists call the principals.
    pub principal_kinds: PrincipalKinds,
}

/// Reads all reference tables but `statement`, which only the month's reconciliation needs.
/// The files read are entered into `files`; places of rows point into it.
/// # Errors
/// `Input` (exit 3) for an unreadable file or a missing column, `Usage` for a list without its stamp, `Storage`.
pub fn read(job: &Job, files: &mut FilesRead) -> Result<ReferenceInput> {
    read_tables(&job.reference, files)
}

fn read_tables(tables: &Sources, files: &mut FilesRead) -> Result<ReferenceInput> {
    let mut reader = Reader { files, rejections: Vec::new(), counts: BTreeMap::new(), principal_kinds: PrincipalKinds::default() };
    let mut listed = reader.lists(&tables.assignments, Space::Role)?;
    listed.extend(reader.lists(&tables.lighthouse_assignments, Space::Registration)?);
    let reference = pecan_core::reference::Reference {
        listed,
        partners: reader.table("partners", &tables.partners, &tables::PARTNERS, tables::partner)?,
        principals: reader.table("principals", &tables.principals, &tables::PRINCIPALS, tables::principal)?,
        members: reader.table("group_members", &tables.group_members, &tables::GROUP_MEMBERS, tables::member)?,
        authorizations: reader.authorizations(&tables.lighthouse_definitions)?,
        roles: reader.table("roles", &tables.roles, &tables::ROLES, tables::role)?,
        rates: reader.table("rates", &tables.rates, &tables::RATES, tables::rate)?,
        products: reader.table("products", &tables.products, &tables::PRODUCTS, tables::product)?,
        management_groups: reader.table("management_groups", &tables.management_groups, &tables::MANAGEMENT_GROUPS, tables::management_group)?,
    };
    Ok(ReferenceInput { reference, rejections: reader.rejections, counts: reader.counts, principal_kinds: reader.principal_kinds })
}

/// What is gathered beside the rows.
struct Reader<'a> {
    files: &'a mut FilesRead,
    rejections: Vec<Rejection>,
    counts: BTreeMap<&'static str, u64>,
    principal_kinds: PrincipalKinds,
}

impl Reader<'_> {
    /// All rows of one table.
    fn table<T>(
        &mut self,
        table: &'static str,
        sources: &[ReferenceFile],
        wanted: &[Wanted],
        parse: impl Fn(Row<'_>) -> std::result::Result<T, RowFault>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        for source in sources {
            let files = store::list(&source.uri, &source.uri_as_written)?;
            for file in store::in_turn(&files, |file| &file.at) {
                if written(file)? == Written::Json {
                    return Err(Error::input(
                        "format",
                        format!("reading the table {table}"),
                        &file.name,
                        "JSON",
                        "write it as CSV or Parquet; only lists of assignments and Lighthouse definitions may be JSON",
                    ));
                }
                let index = self.files.enter(file, table)?;
                self.file(file, index, table, wanted, &mut |row| parse(row).map(|parsed| rows.push(parsed)))?;
            }
        }
        Ok(rows)
    }

    /// All rows of `lighthouse_definitions`: tables, and JSON in which definitions stand.
    fn authorizations(&mut self, sources: &[ReferenceFile]) -> Result<Vec<Authorization>> {
        let (mut rows, mut definitions) = (Vec::new(), Definitions::default());
        for source in sources {
            let files = store::list(&source.uri, &source.uri_as_written)?;
            for file in store::in_turn(&files, |file| &file.at) {
                let index = self.files.enter(file, source.table)?;
                if written(file)? != Written::Json {
                    let take = &mut |row: Row<'_>| tables::authorization(row).map(|parsed| rows.push(parsed));
                    self.file(file, index, source.table, &tables::LIGHTHOUSE_DEFINITIONS, take)?;
                    continue;
                }
                let stamp = stamp_of(source, file)?;
                let (read, faults) = definitions.take(file, stamp.snapshot_at)?;
                self.files.set_stamp(index, stamp);
                self.files.set_rows(index, read);
                faults.iter().for_each(|(row, fault)| self.reject(Place { file: index, row: *row }, fault));
            }
        }
        rows.extend(definitions.authorizations());
        Ok(rows)
    }

    /// All rows of the lists of one name space (details 22).
    fn lists(&mut self, sources: &[ReferenceFile], space: Space) -> Result<Vec<ListedAssignment>> {
        let mut rows = Vec::new();
        for source in sources {
            check_scope(source)?;
            let files = store::list(&source.uri, &source.uri_as_written)?;
            for file in store::in_turn(&files, |file| &file.at) {
                let stamp = stamp_of(source, file)?;
                let wanted = list_columns(space, &stamp);
                let index = self.files.enter(file, source.table)?;
                self.files.set_stamp(index, stamp.clone());
                let mut kinds = PrincipalKinds::default();
                let mut take = |row: Row<'_>| {
                    tables::principal_kind(row, &mut kinds);
                    tables::listed(row, space, &stamp).map(|listed| rows.push(listed))
                };
                let nothing = if written(file)? == Written::Json {
                    check_json(&stamp, file)?;
                    self.az_list(file, index, space, &wanted, &mut take)? == 0
                } else {
                    self.file(file, index, source.table, &wanted, &mut take)?;
                    false
                };
                rows.extend(nothing_listed(space, &stamp, index).filter(|_| nothing));
                self.principal_kinds.merge(&kinds);
            }
        }
        Ok(rows)
    }

    /// How many assignments the list names; 0: it is there and holds nothing.
    fn az_list(
        &mut self,
        file: &InputFile,
        index: u32,
        space: Space,
        wanted: &[Wanted],
        take: &mut dyn FnMut(Row<'_>) -> std::result::Result<(), RowFault>,
    ) -> Result<usize> {
        let answer = az::Answer::read(file)?;
        if answer.goes_on {
            let seen = "an answer with a nextLink: the list goes on elsewhere, and what is missing from it would count as taken away";
            return Err(Error::input("az_json", "reading a list of assignments", &file.name, seen, "fetch all pages into one list; `az` does so by itself"));
        }
        let elements = answer.elements(file)?;
        if elements.is_empty() {
            return Ok(0);
        }
        let batch = az::batch(&elements, space, wanted, file)?;
        self.files.set_rows(index, u64::try_from(batch.rows).unwrap_or(u64::MAX));
        self.batch(batch, index, wanted, take)?;
        Ok(elements.len())
    }

    /// Hands every row of a CSV or Parquet file to `take`; what it cannot understand becomes a rejection.
    fn file(
        &mut self,
        file: &InputFile,
        index: u32,
        table: &'static str,
        wanted: &[Wanted],
        take: &mut dyn FnMut(Row<'_>) -> std::result::Result<(), RowFault>,
    ) -> Result<()> {
        let format = format!("reference table `{table}`");
        let mut rows = 0u64;
        each_batch(file, &format, wanted, &mut |batch| {
            rows += u64::try_from(batch.rows).unwrap_or(u64::MAX);
            self.batch(batch, index, wanted, take)
        })?;
        self.files.set_rows(index, rows);
        Ok(())
    }

    fn batch(&mut self, mut batch: Batch, index: u32, wanted: &[Wanted], take: &mut dyn FnMut(Row<'_>) -> std::result::Result<(), RowFault>) -> Result<()> {
        let (rows, mut broken) = (batch.rows, std::mem::take(&mut batch.broken));
        let parsed = Rows::new(batch, wanted, index)?;
        for at in 0..rows {
            let row = parsed.row(at);
            if let Some(broken) = broken.remove(&at) {
                let mut rejection = self.files.rejection(row.place(), broken.reason, broken.message).with_value(&broken.value);
                rejection.column = broken.column.map(str::to_string);
                self.rejections.push(rejection);
            } else if let Err(fault) = take(row) {
                self.reject(row.place(), &fault);
            }
        }
        Ok(())
    }

    fn reject(&mut self, place: Place, fault: &RowFault) {
        let rejection = self.files.rejection(place, fault.reason, fault.message.as_str());
        self.rejections.push(rejection.with_column(fault.column).with_value(&fault.value));
    }
}

/// A scope in the job file must be a path.
fn check_scope(source: &ReferenceFile) -> Result<()> {
    match source.snapshot_scope.as_deref() {
        Some(scope) if !scope.starts_with('/') => Err(Error::usage(
            "snapshot_scope",
            "reading a list of assignments",
            &source.uri_as_written,
            format!("snapshot_scope = \"{scope}\""),
            "write a scope path such as /subscriptions/… into the job file",
        )),
        _ => Ok(()),
    }
}

/// What the job file and the path of a file say about rows that say nothing themselves.
fn stamp_of(source: &ReferenceFile, file: &InputFile) -> Result<ListStamp> {
    let told = match &source.pattern {
        Some(pattern) => pattern.read(&file.at.text()).map_err(|seen| {
            let next = "name folders and files as the placeholders of the uri say, for example az/20261031T060000Z/role-assignments/<subscription id>.json";
            Error::input("list_name", "reading when a list was taken from its path", &file.name, seen, next)
        })?,
        None => ListStamp::default(),
    };
    Ok(ListStamp { snapshot_at: source.snapshot_at.or(told.snapshot_at), snapshot_scope: source.snapshot_scope.clone().or(told.snapshot_scope) })
}

/// The columns of a list; with a stamp its rows need none of their own.
fn list_columns(space: Space, stamp: &ListStamp) -> Vec<Wanted> {
    let mut wanted = match space {
        Space::Role => tables::ASSIGNMENTS.to_vec(),
        Space::Registration => tables::LIGHTHOUSE_ASSIGNMENTS.to_vec(),
    };
    for column in wanted.iter_mut().filter(|w| w.name == "snapshot_at" && stamp.snapshot_at.is_some()) {
        *column = column.need(Need::Optional);
    }
    wanted
}

fn check_json(stamp: &ListStamp, file: &InputFile) -> Result<()> {
    if stamp.snapshot_at.is_some() {
        return Ok(());
    }
    let next = "say in the job file when it was taken: { uri = \"…\", snapshot_at = \"2026-10-31T06:00:00Z\" }";
    Err(Error::usage("job_snapshot_at", "reading a list of assignments", &file.name, "JSON without a snapshot_at in the job file", next))
}

/// `[]`: this list was taken and held nothing.
fn nothing_listed(space: Space, stamp: &ListStamp, index: u32) -> Option<ListedAssignment> {
    Some(ListedAssignment {
        place: Place { file: index, row: 0 },
        space,
        snapshot_at: stamp.snapshot_at?,
        snapshot_scope: stamp.snapshot_scope.clone(),
        assignment_id: None,
        principal_id: None,
        role_definition_id: None,
        definition_id: None,
        scope: String::new(),
        created_on: None,
    })
}

#[cfg(test)]
mod tests;
