//! One line of progress on standard error, and only on a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const LINE: &str = "{spinner} {msg}  {rows} rows  {bytes} of {total_bytes}  {bar:24}  {elapsed}";
const LINE_WITHOUT_TOTAL: &str = "{spinner} {msg}  {elapsed}";
const TICK: Duration = Duration::from_millis(120);

/// Shows how far a run is. Cheap to clone and to call from any thread; off, it does nothing.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    rows: Arc<AtomicU64>,
}

impl Progress {
    /// Shows nothing.
    pub fn off() -> Progress {
        Progress { bar: ProgressBar::hidden(), rows: Arc::default() }
    }

    /// Shows a line on standard error if that is a terminal, else nothing.
    pub fn on_terminal() -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress::off();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
        let progress = Progress { bar, rows: Arc::default() };
        progress.use_line(LINE_WITHOUT_TOTAL);
        progress
    }

    /// Names what is being done now, for example `reading audit records`; with `-v` it is logged, too.
    pub fn stage(&self, what: impl Into<String>) {
        let what = what.into();
        tracing::info!("{what}");
        self.bar.set_message(what);
    }

    /// Says how many bytes of charges there are to read; from now on rows and bytes are shown.
    pub fn expect(&self, bytes: u64) {
        self.bar.set_length(bytes);
        self.use_line(LINE);
    }

    /// Adds rows and bytes that are done.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// Rows added so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Takes the line away again; call before anything else is printed.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn use_line(&self, template: &str) {
        let rows = Arc::clone(&self.rows);
        let shown = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A failed write to the line's own buffer loses a number on screen, nothing else.
            let _ = write!(out, "{}", HumanCount(rows.load(Ordering::Relaxed)));
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.with_key("rows", shown).progress_chars("━━ "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_every_clone_and_templates_are_valid() {
        let progress = Progress::off();
        let other = progress.clone();
        progress.expect(100);
        progress.stage("reading charges");
        progress.add(3, 40);
        other.add(2, 60);
        assert_eq!(progress.rows(), 5);
        progress.finish();
        for template in [LINE, LINE_WITHOUT_TOTAL] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
