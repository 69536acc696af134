//! One line of progress on standard error, and only on a terminal.
//!
//! `⠙  42 % ━━━━        1,234,567 rows  1.2 of 2.8 GiB  95.1 MiB/s  18s left  settling contoso/…`

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const LINE: &str = "{spinner:1C} {percent:>3} % {bar:10C}  {rows} rows  {size}{rate}{left}  {wide_msg}";
/// For terminals that would break the longer line.
const NARROW_LINE: &str = "{spinner:1C} {percent:>3} % {rows} rows{left}  {wide_msg}";
const NARROW: u16 = 80;
/// Work that is counted in rows alone.
const LINE_OF_ROWS: &str = "{spinner:1C} {percent:>3} % {bar:10C}  {rows} rows{left}  {wide_msg}";
const LINE_WITHOUT_TOTAL: &str = "{spinner:1C} {elapsed:>3}  {wide_msg}";
/// What `C` in a template stands for, if colours may be shown.
const COLOUR: &str = ".cyan";
const TICK: Duration = Duration::from_millis(120);
/// Before this, a rate is chance.
const FIRST_RATE: Duration = Duration::from_secs(1);

/// Whether a stream may be coloured: on a terminal that can, unless `NO_COLOR` is set and not empty.
pub fn may_colour(is_terminal: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Shows how far the work is. Cheap to clone and to call from any thread; off, it does nothing.
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

    /// Shows a line on standard error if that is a terminal that can take lines back, else nothing.
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

    /// Says how many bytes of charges there are to read; from now on rows, bytes, rate and time left are shown. Said again,
    /// it all begins anew.
    pub fn expect(&self, bytes: u64) {
        self.begin(bytes);
        let narrow = terminal_size::terminal_size_of(std::io::stderr()).is_some_and(|(width, _)| width.0 < NARROW);
        self.use_line(if narrow { NARROW_LINE } else { LINE });
    }

    /// Says how many rows there are to write; from now on rows and time left are shown, and bytes are taken for rows.
    pub fn expect_rows(&self, rows: u64) {
        self.begin(rows);
        self.use_line(LINE_OF_ROWS);
    }

    fn begin(&self, length: u64) {
        self.rows.store(0, Ordering::Relaxed);
        self.bar.set_length(length);
        self.bar.set_position(0);
        self.bar.reset_elapsed();
        self.bar.reset_eta();
    }

    /// Adds rows and bytes that are done.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// Follows one file of so many bytes; when dropped it counts as read, also after an error.
    pub fn file(&self, bytes: u64) -> FileProgress<'_> {
        FileProgress { progress: self, bytes, told: 0 }
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
        let colour = if may_colour(true) { COLOUR } else { "" };
        let rows = Arc::clone(&self.rows);
        let rows = move |_: &ProgressState, out: &mut dyn Write| show(out, &HumanCount(rows.load(Ordering::Relaxed)));
        if let Ok(style) = ProgressStyle::with_template(&coloured(template, colour)) {
            self.bar.set_style(style.with_key("rows", rows).with_key("size", size).with_key("rate", rate).with_key("left", left).progress_chars("━━ "));
        }
    }
}

/// How far one file is.
pub struct FileProgress<'a> {
    progress: &'a Progress,
    bytes: u64,
    told: u64,
}

impl FileProgress<'_> {
    /// So many rows more are done, and so many bytes of the file in all, about.
    pub fn reached(&mut self, rows: u64, bytes: u64) {
        let more = bytes.min(self.bytes).saturating_sub(self.told);
        self.told += more;
        self.progress.add(rows, more);
    }
}

impl Drop for FileProgress<'_> {
    fn drop(&mut self) {
        self.progress.add(0, self.bytes - self.told);
    }
}

/// `C` becomes the style, or nothing.
fn coloured(template: &str, colour: &str) -> String {
    template.replace("C}", &format!("{colour}}}"))
}

/// A failed write to the line's own buffer loses a word on screen, nothing else.
fn show(out: &mut dyn Write, what: &dyn std::fmt::Display) {
    let _ = write!(out, "{what}");
}

/// Units of bytes, greatest first.
const UNITS: [(u64, &str); 5] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];

/// The unit in which so many bytes are shown.
fn unit_of(bytes: u64) -> (u64, &'static str) {
    UNITS.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1, "B"))
}

/// So many bytes in a unit, with one place after the point; whole bytes as they are.
fn tenths(bytes: u64, unit: u64) -> String {
    match unit {
        1 => bytes.to_string(),
        _ => format!("{}.{}", bytes / unit, bytes % unit * 10 / unit),
    }
}

/// `1.2 of 2.8 GiB`.
fn size(state: &ProgressState, out: &mut dyn Write) {
    let total = state.len().unwrap_or_default();
    let (unit, name) = unit_of(total);
    show(out, &format_args!("{} of {} {name}", tenths(state.pos(), unit), tenths(total, unit)));
}

fn rate(state: &ProgressState, out: &mut dyn Write) {
    if is_known(state) {
        let bytes = whole(state.per_sec());
        let (unit, name) = unit_of(bytes);
        show(out, &format_args!("  {} {name}/s", tenths(bytes, unit)));
    }
}

fn left(state: &ProgressState, out: &mut dyn Write) {
    if is_known(state) && state.len().is_some_and(|len| state.pos() < len) {
        show(out, &format_args!("  {:#} left", HumanDuration(state.eta())));
    }
}

fn is_known(state: &ProgressState) -> bool {
    state.pos() > 0 && state.elapsed() >= FIRST_RATE
}

/// Bytes per second as a whole number, for showing.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from float saturates; this is shown, nothing more")]
fn whole(rate: f64) -> u64 {
    rate as u64
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
        assert_eq!((progress.rows(), progress.bar.position()), (5, 100));
        progress.expect(50);
        assert_eq!((progress.rows(), progress.bar.position()), (0, 0), "it begins anew");
        progress.finish();
        for template in [LINE, NARROW_LINE, LINE_OF_ROWS, LINE_WITHOUT_TOTAL] {
            for colour in [COLOUR, ""] {
                let template = coloured(template, colour);
                assert!(ProgressStyle::with_template(&template).is_ok() && !template.contains("C}"), "{template}");
                assert_eq!(template.contains("cyan"), !colour.is_empty());
            }
        }
    }

    #[test]
    fn bytes_are_shown_in_the_unit_of_the_whole() {
        let shown = |bytes, total| tenths(bytes, unit_of(total).0) + " " + unit_of(total).1;
        assert_eq!([shown(0, 0), shown(512, 1023), shown(512, 1024), shown(1 << 20, (1 << 30) - 1)], ["0 B", "512 B", "0.5 KiB", "1.0 MiB"]);
        assert_eq!([shown(u64::MAX, u64::MAX), shown((1 << 20) - 1, 1 << 20)], ["16777215.9 TiB", "0.9 MiB"]);
    }

    #[test]
    fn a_file_counts_once_however_far_it_said_it_was() {
        let progress = Progress::off();
        progress.expect(300);
        let mut file = progress.file(100);
        file.reached(10, 30);
        file.reached(10, 20);
        assert_eq!((progress.rows(), progress.bar.position()), (20, 30), "never back");
        file.reached(10, 1_000);
        assert_eq!(progress.bar.position(), 100, "never beyond the file");
        drop(file);
        drop(progress.file(200));
        assert_eq!((progress.rows(), progress.bar.position()), (30, 300), "a file in trouble is done, too");
    }
}
