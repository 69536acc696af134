//! What may be typed. Commands of later versions are not offered at all.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use pecan_core::time::Day;

use super::made::GenerateChoice;
use crate::error::Result;
use crate::init::InitRequest;
use crate::job::{Job, Question, RunOptions, parse_day, parse_month};
use crate::maintain::{MaintainOptions, parse_retain};
use crate::progress::Progress;
use crate::reconcile::{Closing, ReconcileOptions};

/// The version, and the commit it was built from if that is known. The tables know the version alone.
pub(super) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("PECAN_BUILT_FROM"));
/// Most threads that make sense to ask for.
const MOST_THREADS: u16 = 512;
const EXIT_CODES: &str = "\
Exit codes:
  0  done, also \"nothing to do\"      4  another run won: run again
  1  a bug in pecan, or `verify`     5  storage trouble: retry later
     found a difference              7  more rejections than the job allows;
  2  command line or job file           nothing was committed
  3  an input is wrong or missing    6  reconcile: above the tolerance";

/// Settles partner earned credit (PEC): per charge the credit it should have earned, exactly, and the reason if none.
#[derive(Debug, Parser)]
#[command(name = "pecan", version = VERSION, about, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// What standard output carries: text for people, or exactly one JSON object
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Text)]
    pub output_format: OutputFormat,
    /// Override a job key: output.uri=out/, charges.contoso.uri=exports/ (repeatable; relative paths start at the job file)
    #[arg(long, global = true, value_name = "KEY=VALUE", action = ArgAction::Append)]
    pub set: Vec<String>,
    /// Threads to work with [default: one per processor]; results never depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    pub threads: Option<u16>,
    /// Print no summary and no progress, only warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log what is done to standard error (-vv for more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Show no progress line
    #[arg(long, global = true)]
    pub no_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a new job: job file, reference tables, a script that fetches what is missing; looks at the inputs it is given
    Init(InitChoice),
    /// Bring the output up to date with everything the inputs now say
    Run(RunChoice),
    /// Show what a run would read, replace and keep, and why; writes nothing
    Plan(Selection),
    /// Read everything and write nothing: job file, inputs, schemas, likely misconfigurations
    Check {
        /// The job file
        #[arg(value_name = "JOB.toml")]
        job: PathBuf,
    },
    /// Tell why a charge earned or did not, with the timeline of access
    Explain(ExplainChoice),
    /// Compare a month with its statement: differences, their causes, what to mend
    Reconcile(ReconcileChoice),
    /// Make realistic input of any size with a job file, for trials and benchmarks
    Generate(GenerateChoice),
    /// Recompute a past run from its own inputs and rules, and compare; writes nothing into the output
    Verify(VerifyChoice),
    /// Make checkpoints of the output's tables and delete files of pecan that nobody needs any more
    Maintain(MaintainChoice),
    /// Print completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Print the JSON Schema of the job file, for editors
    Schema {
        /// Print every output table and column instead
        #[arg(long)]
        tables: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct InitChoice {
    /// Where the job goes
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to look for exports, activity logs, answers of az and reference tables [default: DIR]
    #[arg(value_name = "URI")]
    pub places: Vec<PathBuf>,
    /// Partner ID (MPN id) of the billed partner
    #[arg(long, value_name = "ID")]
    pub partner_id: Option<String>,
    /// Replace the job file that is there (it is kept as job.toml.old); reference tables are never replaced
    #[arg(long)]
    pub force: bool,
}

impl InitChoice {
    /// The same, in the words of the job.
    pub fn request(&self) -> InitRequest {
        InitRequest { folder: self.folder.clone(), places: self.places.clone(), partner_id: self.partner_id.clone(), force: self.force }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct RunChoice {
    #[command(flatten)]
    pub selection: Selection,
    /// Compute everything, make nothing visible
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReconcileChoice {
    /// The job file
    #[arg(value_name = "JOB.toml")]
    pub job: PathBuf,
    /// Billing month, YYYY-MM
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: String,
    /// Close the month: runs leave it alone, and what becomes known later is booked when a month is closed next
    #[arg(long, conflicts_with = "reopen")]
    pub close: bool,
    /// Open a closed month again, and say why
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reopen: Option<String>,
}

impl ReconcileChoice {
    /// The same, in the words of the job.
    pub fn options(&self, global: &Global) -> ReconcileOptions {
        let action = match (&self.reopen, self.close) {
            (Some(reason), _) => Closing::Reopen(reason.clone()),
            (None, true) => Closing::Close,
            (None, false) => Closing::Compare,
        };
        ReconcileOptions { month: self.month.clone(), action, threads: global.threads(), progress: global.progress() }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyChoice {
    /// The job file
    #[arg(value_name = "JOB.toml")]
    pub job: PathBuf,
    /// run_id of the run, or latest
    #[arg(long, value_name = "ID")]
    pub run: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct MaintainChoice {
    /// The job file
    #[arg(value_name = "JOB.toml")]
    pub job: PathBuf,
    /// How long files stay after they were replaced or left behind, in days or hours, 24h at least
    #[arg(long, value_name = "SPAN", default_value = "30d", value_parser = parse_retain)]
    pub retain: Duration,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl MaintainChoice {
    /// The same, in the words of the job.
    pub fn options(&self, global: &Global) -> MaintainOptions {
        MaintainOptions { retain: self.retain, dry_run: self.dry_run, now: SystemTime::now(), progress: global.progress() }
    }
}

/// The job, and which of its groups to look at.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// The job file
    #[arg(value_name = "JOB.toml")]
    pub job: PathBuf,
    /// First usage day to look at, YYYY-MM-DD
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub from: Option<Day>,
    /// First usage day not to look at, YYYY-MM-DD
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub until: Option<Day>,
    /// Rewrite groups even if nothing changed
    #[arg(long)]
    pub force: bool,
    /// Take out the output of groups whose input files are gone
    #[arg(long)]
    pub prune: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("question").args(["date", "line"]).required(true))]
pub(super) struct ExplainChoice {
    /// The job file
    #[arg(value_name = "JOB.toml")]
    pub job: PathBuf,
    /// Usage day, YYYY-MM-DD, together with --resource
    #[arg(long, value_name = "DAY", value_parser = parse_day, requires = "resource")]
    pub date: Option<Day>,
    /// ARM id of a resource, resource group or subscription
    #[arg(long, value_name = "ARM_ID", requires = "date", conflicts_with = "line")]
    pub resource: Option<String>,
    /// One charge row: source_file and source_row of its credit line
    #[arg(long, value_name = "[SOURCE:]FILE:ROW")]
    pub line: Option<String>,
}

impl Selection {
    /// Everything decided, nothing left to look up.
    /// # Errors
    /// Usage (exit 2) if `until` is not after `from`.
    pub fn options(&self, dry_run: bool, global: &Global) -> Result<RunOptions> {
        let options = RunOptions {
            from: self.from,
            until: self.until,
            force: self.force,
            prune: self.prune,
            dry_run,
            threads: global.threads(),
            progress: Progress::off(),
        };
        // The line is drawn only once the options are known to be good.
        options.checked().map(|options| RunOptions { progress: global.progress(), ..options })
    }
}

impl Global {
    /// Threads asked for, else one per processor.
    pub fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(processors, usize::from)
    }

    /// The progress line, if it may be shown.
    pub fn progress(&self) -> Progress {
        let shown = !self.quiet && !self.no_progress && self.verbose == 0 && self.output_format == OutputFormat::Text;
        if shown { Progress::on_terminal() } else { Progress::off() }
    }
}

impl ExplainChoice {
    /// The question, in the words of the job.
    /// # Errors
    /// Usage (exit 2) for a malformed `--line`.
    pub fn question(&self, job: &Job) -> Result<Question> {
        match (self.date, &self.resource, &self.line) {
            (Some(date), Some(resource), None) => Ok(Question::Day { date, resource: resource.clone() }),
            (_, _, line) => Question::line(line.as_deref().unwrap_or_default(), job),
        }
    }
}

/// Whether JSON was asked for, found without parsing: also a wrong command line answers in the format asked for.
pub(super) fn wants_json(arguments: &[OsString]) -> bool {
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    words.contains(&"--output-format=json") || words.windows(2).any(|pair| pair == ["--output-format", "json"])
}
