//! The report for people: a line per topic, findings below.

use super::{CheckReport, Finding, Level};
use crate::rejection::Rejection;
use crate::summary::text::wrapped;

/// Width of the names on the left.
const NAME: usize = 18;
const NARROWEST: usize = 60;

pub(super) fn render(report: &CheckReport, width: usize, colour: bool) -> String {
    let screen = Screen { width: width.max(NARROWEST), colour };
    let mut text = format!("pecan check {} ({})\n\n", report.name, report.path);
    for topic in &report.topics {
        let mark = screen.mark(topic.level());
        screen.beside(&mut text, &format!("{mark} {:<NAME$}", topic.name), &topic.says);
        for finding in &topic.findings {
            screen.finding(&mut text, finding);
        }
        if topic.name == "rejections" {
            report.told.iter().for_each(|rejection| screen.beside(&mut text, &indent(), &told(rejection)));
        }
    }
    text.push_str(&closing(report, &screen));
    text
}

struct Screen {
    width: usize,
    colour: bool,
}

impl Screen {
    /// Five characters on screen.
    fn mark(&self, level: Level) -> String {
        let word = match level {
            Level::Green => "ok   ",
            Level::Yellow => "look ",
            Level::Red => "STOP ",
        };
        self.colour(level, word)
    }

    fn colour(&self, level: Level, word: &str) -> String {
        let code = match level {
            Level::Green => "32",
            Level::Yellow => "33",
            Level::Red => "31",
        };
        if self.colour { format!("\x1b[1;{code}m{word}\x1b[0m") } else { word.to_owned() }
    }

    fn finding(&self, text: &mut String, finding: &Finding) {
        self.beside(text, &indent(), &format!("{} [{}]", finding.text, finding.code));
        for detail in &finding.details {
            self.beside(text, &indent(), &format!("· {}", detail.text));
            // A command stays on one line, to be copied.
            text.extend(detail.command.iter().map(|command| format!("    {command}\n")));
        }
        self.beside(text, &indent(), &format!("→ {}", finding.next));
    }

    /// `left` once, `words` wrapped beside it.
    fn beside(&self, text: &mut String, left: &str, words: &str) {
        let blank = indent();
        for (at, line) in wrapped(words, self.width.saturating_sub(blank.len())).iter().enumerate() {
            text.push_str(if at == 0 { left } else { &blank });
            text.push_str(line);
            text.push('\n');
        }
    }
}

fn indent() -> String {
    " ".repeat(NAME + 6)
}

fn told(rejection: &Rejection) -> String {
    let row = rejection.row.map(|row| format!(":{row}")).unwrap_or_default();
    let column = rejection.column.as_ref().map(|column| format!(" {column}")).unwrap_or_default();
    let value = rejection.value.as_ref().map(|value| format!(" {value:?}")).unwrap_or_default();
    format!("{}{row}{column}{value}: {} ({})", rejection.file, rejection.message, rejection.reason.word())
}

fn closing(report: &CheckReport, screen: &Screen) -> String {
    let count = |level: Level| report.topics.iter().flat_map(|t| &t.findings).filter(|f| f.level == level).count();
    let look = match count(Level::Yellow) {
        0 => "nothing to look at".to_owned(),
        1 => "1 thing to look at".to_owned(),
        n => format!("{n} things to look at"),
    };
    let verdict = screen.colour(report.level(), report.level().word());
    match report.errors.first() {
        None => format!("\n{verdict}: a run would go through; {look}. Nothing was written.\n"),
        Some(error) => format!("\n{verdict}: a run would stop with exit code {} [{}]; {look}. Nothing was written.\n", error.exit_code(), error.trouble().code),
    }
}
