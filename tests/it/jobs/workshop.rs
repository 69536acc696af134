//! A copy of the sample in a folder of its own, and runs of its job.

use std::path::{Path, PathBuf};

use pecan::error::Result;
use pecan::job::{Job, Layout, RunOptions};
use pecan::progress::Progress;
use pecan::summary::Summary;
use tempfile::TempDir;

/// A folder with `sample_data/` and `jobs/daily.toml`; gone when dropped.
pub struct Workshop {
    folder: TempDir,
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder with all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a new folder");
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())).flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copied file");
        }
    }
}

impl Workshop {
    /// An empty folder.
    pub fn empty() -> Workshop {
        Workshop { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The sample and its job, without any output.
    pub fn sample() -> Workshop {
        let workshop = Workshop::empty();
        copy_folder(&repository().join("sample_data"), &workshop.path("sample_data"));
        std::fs::create_dir(workshop.path("jobs")).expect("a new folder");
        std::fs::copy(repository().join("jobs/daily.toml"), workshop.path("jobs/daily.toml")).expect("the job file");
        workshop
    }

    /// A path in the folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The daily job with `--set` arguments.
    pub fn job(&self, overrides: &[&str]) -> Job {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        Job::load(&self.path("jobs/daily.toml"), &overrides).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The same job writing to another folder.
    pub fn job_to(&self, output: &str) -> Job {
        self.job(&[&format!("output.uri={output}")])
    }

    /// Lets a charges source of the job read every charge file of a folder.
    pub fn read_files(&self, job: &mut Job, source: &str, folder: &str) {
        let charges = job.charges.iter_mut().find(|c| c.name == source).expect("a source of the job");
        charges.uri = self.path(folder).to_string_lossy().into_owned();
        charges.uri_as_written = String::from(folder);
        charges.layout = Layout::Files;
    }
}

/// How runs are made here unless a test says otherwise.
pub fn options() -> RunOptions {
    RunOptions { from: None, until: None, force: false, prune: false, dry_run: false, threads: 2, progress: Progress::off() }
}

/// Runs a job that must go well.
pub fn run(job: &Job) -> Summary {
    run_with(job, &options())
}

/// Runs a job that must go well, with options.
pub fn run_with(job: &Job, options: &RunOptions) -> Summary {
    try_run(job, options).unwrap_or_else(|e| panic!("{e}"))
}

/// Runs a job.
pub fn try_run(job: &Job, options: &RunOptions) -> Result<Summary> {
    pecan::pipeline::run(job, options)
}
