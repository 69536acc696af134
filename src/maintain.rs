//! `pecan maintain`: checkpoints, and the deletion of our own files that nobody needs any more. It never merges or
//! rewrites a data file, and commits nothing to a table.
//!
//! A data file is deleted if one of these holds, and no live version names it:
//!
//! | the log says | and |
//! |---|---|
//! | a commit took it out | longer than `retain` ago, and no row of `run` that was the newest within `retain` names an older version |
//! | nothing | it was written longer than `retain` ago: an interrupted run left it |
//!
//! Safe beside a run: files it stages are younger than `retain`, which is a day at least, and files it takes out stay for
//! `retain`. Folders are listed before logs are read, and logs are read again before the first deletion, so a file that
//! became live meanwhile is seen. Whatever a crash leaves undone is as it was: no file that is deleted is needed.

mod files;
mod kept;
mod report;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::time::{Duration, SystemTime};

use files::TableFiles;
pub use report::{Checkpoint, Receipts, Report, Sum, TableReport};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::open_output;
use crate::progress::Progress;
use crate::schema::Table;
use crate::sink::{Format, LogHistory, Output, TableState};
use crate::stage::OWN_FOLDER;
use crate::storage::{Entry, Storage, disk};

/// A checkpoint is due after so many commits since the last, as in other writers of Delta Lake.
pub const CHECKPOINT_AFTER: i64 = 10;
/// How long files are kept that are no longer live, unless asked otherwise.
pub const RETAIN: Duration = Duration::from_secs(30 * DAY);
/// The shortest that may be asked for: no run may take longer.
pub const LEAST_RETAIN: Duration = Duration::from_secs(DAY);
const DAY: u64 = 24 * 60 * 60;

/// How a job's output is to be maintained.
#[derive(Debug, Clone)]
pub struct MaintainOptions {
    /// How long files stay after they stopped being live; at least [`LEAST_RETAIN`].
    pub retain: Duration,
    /// Only say what would be done.
    pub dry_run: bool,
    /// The time it is.
    pub now: SystemTime,
    /// Where progress is shown.
    pub progress: Progress,
}

/// Reads `30d` or `48h`.
/// # Errors
/// In words: no number of days or hours, or less than a day.
pub fn parse_retain(text: &str) -> std::result::Result<Duration, String> {
    let unit = |seconds: u64| move |number: &str| number.parse::<u32>().ok().map(|n| Duration::from_secs(u64::from(n) * seconds));
    let days = text.strip_suffix('d').and_then(unit(DAY));
    let span = days.or_else(|| text.strip_suffix('h').and_then(unit(60 * 60)));
    match span {
        None => Err("write days or hours: 30d, 48h".to_owned()),
        Some(span) if span < LEAST_RETAIN => Err("24h is the least: files of a run under way must stay".to_owned()),
        Some(span) => Ok(span),
    }
}

/// Makes checkpoints and deletes what nobody needs, table by table.
///
/// # Errors
/// `Lost` (exit 4) while another `maintain` is at work; `Usage` (exit 2) for tables of a newer schema; `Storage` (exit 5).
/// What was done before an error stays done, and is right.
pub fn maintain(job: &Job, options: &MaintainOptions) -> Result<Report> {
    let output = open_output(job)?;
    let _lock = if options.dry_run { None } else { lock(output.storage())? };
    options.progress.stage("reading logs");
    let floors = floors(&output, options)?;
    // Everything is read before anything is done: a table in trouble stops this while all is as it was.
    let surveys: Vec<Survey> = Table::ALL.into_iter().map(|table| Survey::read(&output, table, &floors, options)).collect::<Result<_>>()?;
    let mut tables = Vec::new();
    for survey in &surveys {
        options.progress.stage(format!("maintaining {}", survey.table.name()));
        tables.push(survey.work(&output, options)?);
    }
    let receipts = receipts(&output, &surveys, options)?;
    let kept = kept::sweep(&output, &surveys, options)?;
    Ok(Report { dry_run: options.dry_run, retain: options.retain, tables, receipts, kept, foreign: files::foreign_in_root(output.storage())? })
}

/// One at a time on a local disk; the lock goes when the process does. `None`: there is no output yet, or it is in an
/// object store, where two at once delete the same files.
fn lock(storage: &Storage) -> Result<Option<File>> {
    let Some(root) = storage.path("").filter(|root| root.is_dir()) else { return Ok(None) };
    let path = root.join(OWN_FOLDER).join("maintain.lock");
    disk::create_folder(disk::folder_of(&path))?;
    let file = File::create(&path).map_err(|e| disk::trouble("locking the output", &path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::Error(e)) => Err(disk::trouble("locking the output", &path, &e)),
        Err(std::fs::TryLockError::WouldBlock) => {
            let seen = "another `pecan maintain` is at work in this output";
            Err(Error::lost("maintain_under_way", "locking the output", path.display(), seen, "let it finish; it does what this one would have done"))
        }
    }
}

/// Whether something happened at least `retain` ago.
fn is_old(at: SystemTime, options: &MaintainOptions) -> bool {
    options.now.duration_since(at).is_ok_and(|age| age >= options.retain)
}

/// Per table the oldest version that must stay readable: of all rows of `run` that were the newest one within `retain`.
/// A row is the newest until the next is committed; without a log entry to say when, its file says it, else it counts
/// as just now.
fn floors(output: &Output, options: &MaintainOptions) -> Result<BTreeMap<String, i64>> {
    let mut floors: BTreeMap<String, i64> = BTreeMap::new();
    let Some(history) = output.history(Table::Run)? else { return Ok(floors) };
    let files = output.live(Table::Run)?.map(|state| state.files).unwrap_or_default();
    let written: BTreeMap<String, SystemTime> = output.storage().list(Table::Run.name())?.into_iter().map(|entry| (entry.key, entry.modified)).collect();
    let committed = |run: &str| {
        let file = files.iter().find(|file| file.run == run)?;
        let entry = history.added.get(files::last_part(&file.path)).map(|change| change.at);
        entry.or_else(|| written.get(&Output::key_of(Table::Run, file)).copied())
    };
    let rows = output.runs()?;
    for (at, row) in rows.iter().enumerate() {
        let replaced = rows.get(at + 1).and_then(|next| committed(&next.run_id));
        if replaced.is_some_and(|since| is_old(since, options)) {
            continue;
        }
        for table in &row.tables {
            let floor = floors.entry(table.name.clone()).or_insert(table.version);
            *floor = (*floor).min(table.version);
        }
    }
    Ok(floors)
}

/// A table as it was found, and what is to be done with it.
struct Survey {
    table: Table,
    state: Option<TableState>,
    /// Why the table is not ours, if it is not.
    not_ours: Option<String>,
    checkpoint: Checkpoint,
    replaced: Vec<Entry>,
    leftovers: Vec<Entry>,
    /// Where readers of a Parquet table look, and unnamed: the next commit would delete them, too, however young.
    unnamed: Sum,
    kept: Sum,
    foreign: Vec<String>,
}

impl Survey {
    fn read(output: &Output, table: Table, floors: &BTreeMap<String, i64>, options: &MaintainOptions) -> Result<Survey> {
        let TableFiles { data, unfinished, foreign } = files::of_table(output, table)?;
        let (state, not_ours) = match output.live(table) {
            Ok(state) => (state, None),
            Err(Error::Usage(trouble)) if trouble.code == "table_foreign" => (None, Some(trouble.seen)),
            Err(error) => return Err(error),
        };
        let history = if not_ours.is_some() { None } else { output.history(table)? };
        let checkpoint = Checkpoint::due(output.format(), state.as_ref(), history.as_ref());
        let (replaced, leftovers, nothing) = (Vec::new(), Vec::new(), Sum::default());
        let mut survey = Survey { table, state, not_ours, checkpoint, replaced, leftovers, unnamed: nothing, kept: nothing, foreign };
        // Where there is no table nothing is known: its log may have been lost, and may come back.
        if survey.state.is_none() {
            data.iter().chain(&unfinished).for_each(|file| survey.kept.add(file.bytes));
            return Ok(survey);
        }
        match (output.format(), &history) {
            (Format::Delta, Some(history)) => survey.judge(data, history, floors.get(table.name()).copied(), options),
            _ => {
                let swept = output.sweep(table, false)?;
                let named = live_names(survey.state.as_ref());
                let open = |file: &Entry| !named.contains(files::last_part(&file.key)) && !swept.iter().any(|other| other.key == file.key);
                data.into_iter().filter(open).for_each(|file| survey.leftover_or_kept(file, options));
                survey.unnamed = swept.iter().map(|entry| entry.bytes).collect();
            }
        }
        for file in unfinished {
            survey.leftover_or_kept(file, options);
        }
        Ok(survey)
    }

    /// Sorts the data files of a Delta table.
    fn judge(&mut self, data: Vec<Entry>, history: &LogHistory, floor: Option<i64>, options: &MaintainOptions) {
        let live: BTreeSet<String> = live_names(self.state.as_ref());
        for file in data {
            if live.contains(files::last_part(&file.key)) {
                continue;
            }
            match (history.removed.get(files::last_part(&file.key)), history.added.contains_key(files::last_part(&file.key))) {
                (Some(gone), _) if floor.is_none_or(|floor| gone.version <= floor) && is_old(gone.at, options) => self.replaced.push(file),
                (Some(_), _) | (None, true) => self.kept.add(file.bytes),
                (None, false) => self.leftover_or_kept(file, options),
            }
        }
    }

    fn leftover_or_kept(&mut self, file: Entry, options: &MaintainOptions) {
        if is_old(file.modified, options) { self.leftovers.push(file) } else { self.kept.add(file.bytes) }
    }

    /// Does what is to be done; a dry run only says it.
    fn work(&self, output: &Output, options: &MaintainOptions) -> Result<TableReport> {
        let mut report = TableReport {
            name: self.table.name(),
            version: self.state.as_ref().map(|state| state.version),
            not_ours: self.not_ours.clone(),
            checkpoint: self.checkpoint.clone(),
            live: self.state.iter().flat_map(|state| &state.files).map(|file| file.bytes).collect(),
            replaced: self.replaced.iter().map(|file| file.bytes).collect(),
            leftovers: self.leftovers.iter().map(|file| file.bytes).collect::<Sum>().and(self.unnamed),
            kept: self.kept,
            foreign: self.foreign.clone(),
        };
        if options.dry_run {
            return Ok(report);
        }
        if let (Checkpoint::Due { .. }, Some(version)) = (&self.checkpoint, report.version) {
            output.checkpoint(self.table, version)?;
            report.checkpoint = self.checkpoint.made(version);
        }
        let swept: Sum = output.sweep(self.table, true)?.iter().map(|entry| entry.bytes).collect();
        report.leftovers = self.delete(&self.leftovers, output)?.and(swept);
        report.replaced = self.delete(&self.replaced, output)?;
        Ok(report)
    }

    /// Deletes files, but for those that became live since they were found.
    fn delete(&self, found: &[Entry], output: &Output) -> Result<Sum> {
        if found.is_empty() {
            return Ok(Sum::default());
        }
        let first = live_names(self.state.as_ref());
        assert!(found.iter().all(|file| !first.contains(files::last_part(&file.key))), "a live file of {} was about to be deleted", self.table.name());
        let now = live_names(output.live(self.table)?.as_ref());
        delete_as_found(output.storage(), self.table.name(), found.iter().filter(|file| !now.contains(files::last_part(&file.key))))
    }
}

/// Deletes files that are as they were found below a key: nobody wrote them again meanwhile.
fn delete_as_found<'a>(storage: &Storage, below: &str, found: impl Iterator<Item = &'a Entry>) -> Result<Sum> {
    let now: BTreeSet<(String, SystemTime)> = storage.list(below)?.into_iter().map(|entry| (entry.key, entry.modified)).collect();
    let doomed: Vec<&Entry> = found.filter(|file| now.contains(&(file.key.clone(), file.modified))).collect();
    let gone: BTreeSet<String> = storage.delete(&doomed.iter().map(|file| file.key.clone()).collect::<Vec<_>>())?.into_iter().collect();
    Ok(doomed.iter().filter(|file| gone.contains(&file.key)).map(|file| file.bytes).collect())
}

fn live_names(state: Option<&TableState>) -> BTreeSet<String> {
    state.iter().flat_map(|state| &state.files).map(|file| files::last_part(&file.path).to_owned()).collect()
}

/// Receipts of groups that no live file refers to, and files that were being written beside them.
fn receipts(output: &Output, surveys: &[Survey], options: &MaintainOptions) -> Result<Receipts> {
    let (mut doomed, mut kept): (Vec<Entry>, Sum) = (Vec::new(), Sum::default());
    // With a table unread, nobody knows what is referred to.
    let all_read = surveys.iter().all(|survey| survey.not_ours.is_none());
    let live: BTreeSet<&str> = surveys.iter().filter_map(|s| s.state.as_ref()).flat_map(|state| &state.files).map(|file| file.fingerprint.as_str()).collect();
    for (file, fingerprint) in files::receipts(output.storage())? {
        let needed = fingerprint.is_some_and(|fingerprint| live.contains(fingerprint.as_str()));
        if all_read && !needed && is_old(file.modified, options) { doomed.push(file) } else { kept.add(file.bytes) }
    }
    let deleted = if options.dry_run {
        doomed.iter().map(|file| file.bytes).collect()
    } else {
        delete_as_found(output.storage(), &format!("{OWN_FOLDER}/groups"), doomed.iter())?
    };
    Ok(Receipts { deleted, kept })
}

#[cfg(test)]
mod tests;
