//! Everything the program says, in the format asked for. A reader that went away is no trouble.

use std::io::{ErrorKind, IsTerminal, Write};

use serde_json::{Value, json};

use super::args::{Global, OutputFormat};
use crate::error::{Error, Result};
use crate::progress::may_colour;

/// Characters of a line when standard output is no terminal.
const WIDTH: usize = 100;
/// Wider than this, lines are hard to read.
const WIDEST: usize = 160;

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    format: OutputFormat,
    width: usize,
    colour: bool,
}

impl View {
    /// Colours and the terminal's width only on a terminal.
    pub fn of(global: &Global) -> View {
        let terminal = std::io::stdout().is_terminal();
        let width = if terminal { terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)) } else { None };
        View { format: global.output_format, width: width.unwrap_or(WIDTH).min(WIDEST), colour: may_colour(terminal) }
    }

    /// One JSON object, or text.
    pub fn show(&self, json: impl FnOnce() -> Value, text: impl FnOnce(usize, bool) -> String) -> String {
        match self.format {
            OutputFormat::Json => self.json(&json()),
            OutputFormat::Text => with_line_break(text(self.width, self.colour)),
        }
    }

    /// JSON whatever the format: on one line for programs, indented for people.
    pub fn json(&self, value: &Value) -> String {
        let text = match self.format {
            OutputFormat::Json => value.to_string(),
            OutputFormat::Text => format!("{value:#}"),
        };
        with_line_break(text)
    }

    /// Text that is no object becomes one if JSON was asked for.
    pub fn text_as(&self, name: &str, text: String) -> String {
        self.show(|| json!({ name: text }), |_, _| text.clone())
    }
}

fn with_line_break(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes the answer. A closed pipe (`| head`) is fine: what was asked for has been done.
/// # Errors
/// Storage (exit 5) if standard output cannot be written for another reason, such as a full disk.
pub(super) fn answer(text: &str, out: &mut dyn Write) -> Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            let next = "Free space or write elsewhere, then run again; what was committed stays.";
            Err(Error::storage("stdout", "writing the answer", "standard output", e, next))
        }
        _ => Ok(()),
    }
}

/// Writes beside the answer; if even standard error is gone there is nobody left to tell.
pub(super) fn aside(text: &str, err: &mut dyn Write) {
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Says an error: four answers as text, or as one JSON object.
pub(super) fn error(error: &Error, format: OutputFormat, err: &mut dyn Write) {
    let text = match format {
        OutputFormat::Text => format!("error: {error}\n"),
        OutputFormat::Json => {
            let trouble = error.trouble();
            let object = json!({
                "code": trouble.code,
                "tried": trouble.tried,
                "place": trouble.place,
                "seen": trouble.seen,
                "next": trouble.next,
                "exit_code": error.exit_code(),
            });
            format!("{object}\n")
        }
    };
    aside(&text, err);
}

/// Logs to standard error with `-v`; without it nothing is logged, so that errors in JSON stay one object.
pub(super) fn start_log(global: &Global) {
    let filter = match global.verbose {
        _ if global.quiet => return,
        0 => return,
        1 => "pecan=info",
        2 => "info,pecan=debug",
        _ => "debug,pecan=trace",
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(may_colour(std::io::stderr().is_terminal()))
        .log_internal_errors(false);
    // A second start in one process (tests) is refused; the first log stays.
    let _ = match global.output_format {
        OutputFormat::Text => log.try_init(),
        OutputFormat::Json => log.json().try_init(),
    };
}
