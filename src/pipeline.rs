//! The job from beginning to end. [`run`] is the list of its steps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::answers::AccessTable;
use crate::commit::{Committed, Staged, commit_all, discard_all};
use crate::derived::{Derived, LiveReceipts};
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::group::{Desk, GroupOutput, Shop, process, reported};
use crate::job::{Job, OutputFormat, RunOptions};
use crate::kept::Kept;
use crate::known::Known;
use crate::past_run::{Draft, GroupThen, PastRun, Setting};
use crate::plan::{Action, Found, Planned, State, find_groups, plan as make_plan};
use crate::plan_text::Plan;
use crate::receipt::{Receipt, Receipts, content_of};
use crate::run_row::{Change, Input, RunRecord, changes, credit_of, credit_told};
use crate::schema::Table;
use crate::sink::{Format, Output, RUN, closed_months};
use crate::slice::{Memory, Slicer};
use crate::source::ChargeGroup;
use crate::storage::Storage;
use crate::summary::{Files, RunFacts, Summary, TableWritten, Tally};

/// Brings the output up to date with everything the inputs say now (R-AGAIN-2).
///
/// # Errors
/// By what the operator does next; nothing is committed unless every step before the commit went well.
pub fn run(job: &Job, options: &RunOptions) -> Result<Summary> {
    in_pool(options.threads, || run_in_pool(job, options, || open_output(job)))
}

/// As [`run`], with an output at a place that is open already: tests give one that fails.
///
/// # Errors
/// As [`run`].
pub fn run_within(job: &Job, options: &RunOptions, storage: Storage) -> Result<Summary> {
    in_pool(options.threads, || run_in_pool(job, options, || Output::within(storage, format_of(job), &job.output.carry)))
}

fn run_in_pool(job: &Job, options: &RunOptions, open: impl FnOnce() -> Result<Output>) -> Result<Summary> {
    let clock = Clock::start();
    options.progress.stage("reading the audit log and reference tables");
    let known = Known::read_to_keep(job)?;
    options.progress.stage("finding charges");
    let found = find_groups(job)?;
    let output = open()?;
    let receipts = Receipts::of(output.storage());
    let state = State::read(&output)?;
    let slicer = Slicer::new(&known);
    let planned = make_plan(&found, &slicer, &state, &receipts, options);

    let mut run = Run {
        job,
        options,
        known: &known,
        slicer: &slicer,
        output: &output,
        receipts: &receipts,
        state: &state,
        clock: &clock,
        run_id: Uuid::now_v7().to_string(),
        tally: Tally::default(),
        unchecked: (0, 0),
        inputs: Vec::new(),
        written: BTreeMap::new(),
        staged: Staged::default(),
        draft: Draft::default(),
    };
    let result = run.write_groups(&planned).and_then(|()| run.check_rejections()).and_then(|()| run.stage_whole_tables(&planned));
    if let Err(error) = result {
        run.discard();
        return Err(error);
    }
    let summary = run.commit(&planned, &found);
    options.progress.finish();
    summary
}

/// What a run would do; writes nothing.
/// # Errors
/// As [`run`], up to the point where charges would be read.
pub fn plan(job: &Job, options: &RunOptions) -> Result<Plan> {
    in_pool(options.threads, || {
        options.progress.stage("reading the audit log and reference tables");
        let known = Known::read(job)?;
        options.progress.stage("finding charges");
        let found = find_groups(job)?;
        let output = open_output(job)?;
        let state = State::read(&output)?;
        let planned = make_plan(&found, &Slicer::new(&known), &state, &Receipts::of(output.storage()), options);
        options.progress.finish();
        Ok(Plan::new(&planned, &found))
    })
}

/// Runs `work` with so many threads.
/// # Errors
/// `Storage` if they cannot be started; what `work` answers.
pub fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("pecan-{i}")).build();
    let pool = pool.map_err(|e| Error::storage("threads", "starting threads", format!("{threads} threads"), e, "give fewer --threads"))?;
    pool.install(work)
}

/// Opens the output of a job.
/// # Errors
/// As [`Output::open`].
pub fn open_output(job: &Job) -> Result<Output> {
    Output::open(&job.output.uri, format_of(job), &job.output.carry)
}

fn format_of(job: &Job) -> Format {
    match job.output.format {
        OutputFormat::Delta => Format::Delta,
        OutputFormat::Parquet => Format::Parquet,
    }
}

/// When the run began and how long it takes.
struct Clock {
    started_micros: i64,
    since: Instant,
}

impl Clock {
    fn start() -> Clock {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started_micros: i64::try_from(now.as_micros()).unwrap_or(i64::MAX), since: Instant::now() }
    }
}

/// A run under way.
struct Run<'a> {
    job: &'a Job,
    options: &'a RunOptions,
    known: &'a Known,
    slicer: &'a Slicer<'a>,
    output: &'a Output,
    receipts: &'a Receipts<'a>,
    state: &'a State,
    clock: &'a Clock,
    run_id: String,
    tally: Tally,
    /// Rejections and rows read of groups that no earlier run has checked.
    unchecked: (u64, u64),
    inputs: Vec<Input>,
    written: BTreeMap<String, Receipt>,
    /// Files to add and remove, by table.
    staged: Staged,
    /// What is kept of the run for `pecan verify`.
    draft: Draft,
}

impl Run<'_> {
    /// Processes every group that is not up to date and stages its output.
    fn write_groups(&mut self, planned: &[Planned]) -> Result<()> {
        let access = AccessTable::new(&self.known.knowledge)?;
        let work: Vec<&Planned> = planned.iter().filter(|p| matches!(p.action, Action::Write | Action::Replace)).collect();
        self.options.progress.expect(work.iter().filter_map(|p| p.group.as_ref()).flat_map(|g| &g.files).map(|f| f.bytes).sum());
        for (at, planned) in work.iter().enumerate() {
            let Some(group) = &planned.group else { continue };
            // The next group's first file, if it lies in a store, is on its way while this group is settled.
            let next = work.get(at + 1).and_then(|next| next.group.as_ref()?.files.first());
            next.into_iter().for_each(|file| file.at.ask_ahead());
            let source = &self.job.charges[group.source].name;
            self.options.progress.stage(format!("settling {}", group.group_id));
            let desk = Desk { known: self.known, access: &access, carry: &self.job.output.carry, progress: &self.options.progress, losses: false };
            let shop = Shop { desk, output: self.output, run_id: &self.run_id };
            let content = content_of(group);
            let output = process(group, source, &content, &shop)?;
            self.take_in(group, source, &content, output)?;
        }
        for planned in planned.iter().filter(|p| matches!(p.action, Action::Replace | Action::Remove)) {
            self.remove_output(&planned.group_id);
        }
        Ok(())
    }

    fn take_in(&mut self, group: &ChargeGroup, source: &str, content: &str, mut output: GroupOutput) -> Result<()> {
        let withheld = output.withhold(&self.state.closed, self.output)?;
        self.tally.count("closed_rows", withheld);
        // What has no row to show is known by its content alone.
        let nothing = withheld > 0 && output.staged.is_empty();
        let slice = if nothing { self.slicer.of(&Footprint::default()) } else { self.slicer.of(&output.footprint) };
        let fingerprint = slice.fingerprint(content);
        output.seal(&fingerprint);
        let receipt = Receipt::new(group, &fingerprint, &output);
        self.draft.groups.push(GroupThen::new(group, source, &fingerprint, &output));
        // Footprints are large: they are not kept until the commit. One that no table refers to does no harm.
        let memory = (!self.options.dry_run && !output.staged.is_empty()).then(|| Memory { footprint: std::mem::take(&mut output.footprint), slice });
        self.staged.add(std::mem::take(&mut output.staged));
        if let Some(memory) = memory {
            self.receipts.remember(&fingerprint, &memory)?;
        }
        let files = group.files.iter().zip(&output.files);
        self.inputs.extend(files.map(|(file, rows)| Input::charges(source, file, rows.read)));
        let (read, _, rejected) = output.row_counts();
        self.tally.add_rows(read, rejected, output.operands_rounded);
        if self.options.force || self.receipts.read(&fingerprint).is_none() {
            self.unchecked = (self.unchecked.0 + rejected, self.unchecked.1 + read);
        }
        self.tally.count("subscription_mismatches", output.subscription_mismatches);
        for cell in reported(&output.daily, &group.group_id)? {
            self.tally.add_line(cell)?;
        }
        for (scope, currency, missed) in output.scopes.missed() {
            self.tally.add_missed_scope(currency.map(str::to_owned), scope, missed)?;
        }
        for (currency, (lines, amount)) in &output.price_adjusted {
            self.tally.add_price_adjusted(currency.clone(), *lines, *amount)?;
        }
        self.written.insert(group.group_id.clone(), receipt);
        Ok(())
    }

    /// Deletes what was made ready and will not be committed.
    fn discard(&self) {
        discard_all(self.output, &self.staged);
        let live: BTreeSet<&str> = self.state.groups().into_iter().flat_map(|group| self.state.fingerprints(group)).collect();
        let written = self.written.values().map(|receipt| receipt.fingerprint.as_str());
        written.filter(|fingerprint| !live.contains(fingerprint)).for_each(|fingerprint| self.receipts.forget(fingerprint));
    }

    fn remove_output(&mut self, group: &str) {
        for (table, file) in self.state.of_group(group) {
            self.staged.remove(table, vec![file.clone()]);
        }
    }

    /// More rejections than the job allows: nothing is committed (exit 7). Groups that passed in an interrupted run have passed.
    fn check_rejections(&self) -> Result<()> {
        let (rejected, read) = self.unchecked;
        if !self.job.limits.rejections.exceeded(rejected, read) {
            return Ok(());
        }
        Err(Error::rejections(
            "too_many_rejections",
            "counting charge rows that could not be understood",
            format!("limits.rejections = {}", self.job.limits.rejections),
            format!("{rejected} of {read} charge rows read in this run are rejections"),
            "repair the files, or raise limits.rejections in the job file; `pecan check` lists them; nothing was committed",
        ))
    }

    /// What makes the tables that are replaced as a whole.
    fn derived<'b>(&'b self, planned: &'b [Planned]) -> Derived<'b> {
        let Run { known, output, receipts, written, run_id, .. } = self;
        Derived { known, output, receipts, planned, written, run_id }
    }

    /// Stages the tables that are replaced as a whole, where their content changed.
    fn stage_whole_tables(&mut self, planned: &[Planned]) -> Result<()> {
        let derived = self.derived(planned);
        let receipts = derived.receipts_after(self.state);
        let replaced = derived.replace_all(self.state, &receipts)?;
        if let Some(group) = receipts.missing.first() {
            let text = format!(
                "the receipts of {} groups are gone, {group} the first: names and dates of the dims are left as they are; run with --force once all inputs are back",
                receipts.missing.len()
            );
            self.tally.warn("receipts_gone", text);
        }
        for (table, replacement) in replaced {
            self.draft.whole.push((table, replacement.content.0, replacement.content.1));
            self.staged.add(replacement.add);
            self.staged.remove(table, replacement.removes);
        }
        Ok(())
    }

    /// Makes everything visible, table by table, the `run` row last.
    fn commit(mut self, planned: &[Planned], found: &Found) -> Result<Summary> {
        self.count(planned, found);
        let complete = self.is_complete();
        if self.staged.is_empty() && complete {
            if !self.options.dry_run {
                // What new content says of closed months alone is not read again by the next run.
                self.written.values().filter(|receipt| !receipt.withheld.is_empty()).try_for_each(|receipt| self.receipts.write(receipt))?;
            }
            return self.summary(planned, true, Vec::new());
        }
        if self.options.dry_run {
            discard_all(self.output, &self.staged);
            return self.summary(planned, false, Vec::new());
        }
        let live = self.derived(planned).receipts_after(self.state);
        let kept = self.written.values().try_for_each(|receipt| self.receipts.write(receipt)).and_then(|()| self.keep(&live));
        let told = kept.inspect_err(|_| self.discard())?;
        self.options.progress.stage("committing");
        if closed_months(&self.output.runs()?) != self.state.closed {
            self.discard();
            let place = self.output.storage().shown(Table::Run.name());
            return Err(Error::lost(
                "closed_meanwhile",
                "committing",
                place,
                "a month was closed or opened again meanwhile",
                "run again: closed months are left alone",
            ));
        }
        let mut staged = self.staged.clone();
        let committed = commit_all(self.state, &mut staged, &self.derived(planned))?;
        let summary = self.summary(planned, false, committed.iter().map(Committed::written).collect())?;
        self.record(told, &committed, &summary).commit(self.state, &self.derived(planned))?;
        self.receipts.keep_only(&live.all.into_iter().map(|r| r.fingerprint).collect());
        Ok(summary)
    }

    /// Whether the newest `run` row names every table as it is now (details 39).
    fn is_complete(&self) -> bool {
        let Some(row) = self.state.runs.last() else { return false };
        let now = |table: &Table| self.state.tables.get(table).and_then(Option::as_ref).map(|s| s.version);
        self.state.tables.keys().filter(|t| **t != Table::Run).all(|table| {
            let named = row.tables.iter().find(|t| t.name == table.name()).map(|t| t.version);
            named.is_some() && named == now(table)
        })
    }

    /// Everything the contract calls counted, and warnings.
    fn count(&mut self, planned: &[Planned], found: &Found) {
        for (word, n) in &self.known.counts {
            self.tally.count(word, *n);
        }
        self.tally.count("superseded_export_runs", found.discovery.superseded_runs);
        self.tally.count("export_runs_passed_over", found.discovery.passed_over_runs);
        for warning in &found.discovery.warnings {
            self.tally.warn(warning.code, &warning.text);
        }
        for orphan in planned.iter().filter(|p| p.action == Action::Orphan) {
            self.tally.warn("inputs_gone", format!("the input files of {} are gone; its output is kept", orphan.group_id));
        }
        for closed in planned.iter().filter(|p| p.action == Action::Closed) {
            let text = format!(
                "{} is left alone, because its months are closed: {}; `pecan reconcile --close` books what is not booked yet",
                closed.group_id, closed.why
            );
            self.tally.warn("month_closed", text);
        }
        for (role, assignments) in self.known.unknown_roles() {
            self.tally.add_unknown_role(role, assignments);
        }
        self.tally.add_rejections_other(self.known.rejections.len() as u64);
    }

    fn files(&self, planned: &[Planned]) -> Files {
        let replaced: BTreeSet<&str> = planned.iter().filter(|p| p.action == Action::Replace).map(|p| p.group_id.as_str()).collect();
        let mut files = self.staged.files(&replaced);
        let live: u64 = self.state.tables.iter().filter(|(t, _)| **t != Table::Run).map(|(t, _)| self.state.files(*t).len() as u64).sum();
        files.kept = live.saturating_sub(self.staged.removals());
        files
    }

    fn summary(&self, planned: &[Planned], nothing_to_do: bool, tables: Vec<TableWritten>) -> Result<Summary> {
        let facts = RunFacts {
            run_id: self.run_id.clone(),
            nothing_to_do,
            dry_run: self.options.dry_run,
            files: self.files(planned),
            tables,
            took: self.clock.since.elapsed(),
        };
        self.tally.clone().finish(facts)
    }

    /// Keeps what `pecan verify` needs of this run. The answer: what it moves, for readers of the rows that are there, and the
    /// tables of month end, which it leaves as they are.
    fn keep(&mut self, live: &LiveReceipts) -> Result<(Vec<Change>, Vec<Committed>)> {
        let told = &self.state.runs;
        let kept = Kept::of(self.output.storage());
        let newest = told.iter().rfind(|row| row.command == RUN).map(|row| PastRun::read(&kept, &row.run_id)).transpose()?.flatten();
        let kept = kept.trusting(newest.iter().flat_map(PastRun::pieces));
        let (run_id, job, known, state, staged) = (self.run_id.as_str(), self.job, self.known, self.state, &self.staged);
        let setting = Setting { run_id, job, known, state, staged, after: (&live.all, live.missing.len()) };
        for file in self.draft.keep(&kept, &setting)? {
            self.tally.warn("input_changed", format!("{file} changed while it was read: it is not kept for `pecan verify`"));
        }
        let month_done = told.last().into_iter().flat_map(|row| &row.tables).filter_map(Committed::of_month_table).collect();
        Ok((changes(&credit_told(told), &credit_of(&live.all)), month_done))
    }

    fn record(&self, told: (Vec<Change>, Vec<Committed>), committed: &[Committed], summary: &Summary) -> RunRecord {
        let inputs = self.inputs.iter().cloned().chain(self.known.files.files.iter().map(Input::other));
        RunRecord {
            run_id: self.run_id.clone(),
            command: RUN,
            summary: summary.to_json().to_string(),
            took: summary.took,
            rules_fingerprint: self.known.rules_fingerprint.clone(),
            started_micros: self.clock.started_micros,
            inputs: inputs.collect(),
            tables: committed.iter().cloned().chain(told.1).collect(),
            changed: told.0,
        }
    }
}
