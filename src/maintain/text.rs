//! The report as one screen for people.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, TableComponent, presets};

use super::report::{Checkpoint, Report, Sum, TableReport};

/// Foreign names on screen; the JSON has all.
const FOREIGN_SHOWN: usize = 10;

pub(super) fn render(report: &Report, _width: usize, colour: bool) -> String {
    let bold = |text: &str| if colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = bold(&closing(report));
    out.push('\n');
    let tables: Vec<&TableReport> = report.tables.iter().filter(|table| table.version.is_some()).collect();
    if !tables.is_empty() {
        let deleted = if report.dry_run { "To delete" } else { "Deleted" };
        out.push_str(&drawn(&["Table", "Version", "Checkpoint", "Live", deleted, "Kept"], tables.iter().map(|table| row(table)).collect()));
    }
    let verb = if report.dry_run { "would be deleted" } else { "were deleted" };
    for (what, sum) in [("Receipts that no table refers to", report.receipts.deleted), ("Kept inputs that no run needs", report.kept.deleted)] {
        if sum.files > 0 {
            out.push_str(&format!("\n{what} {verb}: {}\n", shown(sum)));
        }
    }
    for table in &report.tables {
        if let Some(why) = &table.not_ours {
            out.push_str(&format!("\nNot a table of pecan, left alone: {} ({why})\n", table.name));
        }
    }
    let foreign: Vec<&str> = report.all_foreign().collect();
    if !foreign.is_empty() {
        out.push_str("\nNot written by pecan, left alone:\n");
        foreign.iter().take(FOREIGN_SHOWN).for_each(|name| out.push_str(&format!("  {name}\n")));
        let more = foreign.len().saturating_sub(FOREIGN_SHOWN);
        if more > 0 {
            out.push_str(&format!("  and {more} more, which --output-format json names\n"));
        }
    }
    out
}

fn closing(report: &Report) -> String {
    let (deleted, retain) = (report.deleted(), span(report.retain));
    if report.nothing_to_do() {
        return format!("pecan maintain: nothing to do (files stay for {retain}).");
    }
    let (checkpoint, delete) = if report.dry_run { ("would make", "delete") } else { ("made", "deleted") };
    let plural = if report.checkpoints() == 1 { "" } else { "s" };
    format!("pecan maintain: {checkpoint} {} checkpoint{plural}, {delete} {} that nobody needed for {retain}.", report.checkpoints(), shown(deleted))
}

fn row(table: &TableReport) -> Vec<String> {
    let checkpoint = match &table.checkpoint {
        Checkpoint::None { .. } => "–".to_owned(),
        Checkpoint::Made { version, .. } => format!("made at {version}"),
        Checkpoint::Due { commits, .. } => format!("due after {commits}"),
        Checkpoint::NotDue { newest: None, commits } => format!("none (+{commits})"),
        Checkpoint::NotDue { newest: Some(newest), commits } => format!("at {newest} (+{commits})"),
    };
    let version = table.version.map(|version| version.to_string()).unwrap_or_default();
    vec![table.name.to_owned(), version, checkpoint, shown(table.live), shown(table.deleted()), shown(table.kept)]
}

fn drawn(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(headers.iter().copied()).add_rows(rows);
    for (_, column) in table.column_iter_mut().enumerate().filter(|(index, _)| !matches!(index, 0 | 2)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string().lines().map(|line| format!(" {}\n", line.trim_end())).collect()
}

fn shown(sum: Sum) -> String {
    match sum.files {
        0 => "0 files".to_owned(),
        1 => format!("1 file, {}", bytes(sum.bytes)),
        files => format!("{files} files, {}", bytes(sum.bytes)),
    }
}

/// In the unit that needs at most four digits, rounded up.
fn bytes(bytes: u64) -> String {
    let unit = [("kB", 1_000_u64), ("MB", 1_000_000), ("GB", 1_000_000_000)].into_iter().find(|(_, size)| bytes.div_ceil(*size) < 10_000);
    let (unit, size) = unit.unwrap_or(("TB", 1_000_000_000_000));
    format!("{} {unit}", bytes.div_ceil(size))
}

fn span(span: Duration) -> String {
    let hours = span.as_secs() / 3600;
    match (hours / 24, hours % 24) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{days} days"),
        _ => format!("{hours} hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_in_words() {
        let sum = |files, bytes| Sum { files, bytes };
        assert_eq!([shown(sum(0, 0)), shown(sum(1, 1)), shown(sum(2, 9_999_001))], ["0 files", "1 file, 1 kB", "2 files, 10 MB"]);
        let hours = |n: u64| span(Duration::from_secs(n * 3600));
        assert_eq!([hours(24), hours(36), hours(720)], ["1 day", "36 hours", "30 days"]);
    }
}
