//! The report as one screen for people. Exact figures are in the JSON; here amounts have 2 places.

use comfy_table::{CellAlignment, Table, TableComponent, presets};
use pecan_core::reconcile::Cause;

use super::charges::explains_itself;
use super::report::Report;
use super::table::{CHARGE, INVOICE, INVOICE_LINE};
use crate::check::misconfigured::amounts;
use crate::sink::MonthAction;
use crate::summary::figures::{count, money};

/// Differences and remedies on screen; the JSON has more.
const SHOWN: usize = 5;

impl Report {
    /// The screen.
    pub fn to_text(&self, _width: usize, colour: bool) -> String {
        let mut screen = Screen { out: String::new(), colour };
        screen.line(&format!("pecan reconcile {}", self.month));
        if let Some(reason) = &self.reason {
            screen.line(&format!("Open again: {reason}. `pecan run` brings the month up to date."));
            return screen.out;
        }
        self.read(&mut screen);
        self.totals_text(&mut screen);
        self.causes_text(&mut screen);
        self.charges_text(&mut screen);
        self.lines_text(&mut screen);
        self.remedies_text(&mut screen);
        self.closed_text(&mut screen);
        self.close(&mut screen);
        screen.out
    }

    fn read(&self, screen: &mut Screen) {
        let lines = if self.credit_lines == 1 { "credit line" } else { "credit lines" };
        let Some(statement) = &self.statement else {
            screen.line(&format!("{} {lines}, compared with the flags and prices of the export; the job names no statement.", count(self.credit_lines)));
            return;
        };
        let rows = |n: u64| format!("{} {}", count(n), if n == 1 { "row" } else { "rows" });
        let files = statement.files.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(", ");
        screen.line(&format!(
            "{} {lines}, compared with flags and prices of the export and with {} of {files}.",
            count(self.credit_lines),
            rows(statement.rows)
        ));
        for (month, n) in &statement.other_months {
            screen.line(&format!("{} of {month} passed over.", rows(*n)));
        }
        if let Some(first) = statement.rejections.first() {
            let column = first.column.as_deref().map(|column| format!(", {column}")).unwrap_or_default();
            let place = format!("{}, row {}{column}: {}", first.file, first.row.unwrap_or_default(), first.message);
            screen.line(&format!("warning: {} of the statement could not be understood, the first: {place}", rows(statement.rejections.len() as u64)));
        }
    }

    fn totals_text(&self, screen: &mut Screen) {
        screen.title("Both sides");
        let what = |grain: &str| match grain {
            CHARGE => "credit, by flag",
            INVOICE_LINE => "net cost, invoice lines",
            INVOICE => "net cost, with rounding rows",
            other => unreachable!("grain {other}"),
        };
        let row = |(grain, currency, ours, statement): (&str, &str, i128, i128)| {
            vec![what(grain).to_owned(), currency.to_owned(), money(ours), money(statement), money(ours - statement)]
        };
        screen.table(&["Compared", "Currency", "Ours", "Statement", "Difference"], &[2, 3, 4], self.totals().into_iter().map(row).collect());
    }

    fn causes_text(&self, screen: &mut Screen) {
        let mut rows = Vec::new();
        for (grain, of) in &self.causes {
            let mut causes: Vec<_> = of.0.iter().collect();
            causes.sort_by_key(|((currency, _), sum)| (currency.clone(), std::cmp::Reverse(sum.size)));
            for ((currency, cause), sum) in causes {
                rows.push(vec![grain_word(grain).to_owned(), words(*cause), count(sum.rows), format!("{} {currency}", money(sum.ours - sum.statement))]);
            }
        }
        if rows.is_empty() {
            screen.line("");
            screen.line("No differences.");
            return;
        }
        screen.title("Why they differ");
        screen.table(&["By", "Cause", "Differences", "Ours less the statement's"], &[2, 3], rows);
        if self.net.is_some() {
            screen.line("  Credit that is missing makes the invoice dearer than expected: at the invoice it is negative.");
        }
    }

    fn charges_text(&self, screen: &mut Screen) {
        let mut told: Vec<_> = self.charges.iter().filter(|(_, top)| !explains_itself(top.difference.cause)).collect();
        told.sort_by_key(|(_, top)| std::cmp::Reverse(top.difference.difference.0.unsigned_abs()));
        told.truncate(SHOWN);
        if told.is_empty() {
            return;
        }
        screen.title("Charges that differ most");
        for (currency, top) in told {
            let difference = &top.difference;
            let both = format!("{} expected, {} applied", money(difference.ours.0), money(difference.statement.0));
            screen.line(&format!("  {} {currency}  {}, {}: {both}", money(difference.difference.0), words(difference.cause), top.day));
            screen.line(&format!("    {}", top.resource_id.as_deref().unwrap_or("(no resource)")));
            screen.line(&format!("    {}", self.explain(&top.place)));
        }
    }

    fn lines_text(&self, screen: &mut Screen) {
        let mut told: Vec<_> = self.lines.iter().filter(|top| !explains_itself(top.line.cause)).collect();
        told.sort_by_key(|top| std::cmp::Reverse(top.line.difference.0.unsigned_abs()));
        told.truncate(SHOWN);
        if told.is_empty() {
            return;
        }
        screen.title("Invoice lines that differ most");
        for top in told {
            let (line, key) = (&top.line, &top.line.key);
            let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
            let with = if line.with_credit { "with credit" } else { "without credit" };
            let both = format!("{} expected, {} billed", money(line.ours.0), money(line.statement.0));
            screen.line(&format!("  {} {}  {}, {with}: {both}", money(line.difference.0), key.currency, words(line.cause)));
            let ids = format!("customer {}, plan {}, product {}, SKU {}", id(&key.customer_id), id(&key.plan_id), id(&key.product_id), id(&key.sku_id));
            screen.line(&format!("    {ids}"));
            let command = top.charge.as_ref().map_or_else(|| "no charge of ours".to_owned(), |(place, _)| self.explain(place));
            screen.line(&format!("    {command}"));
        }
    }

    fn remedies_text(&self, screen: &mut Screen) {
        if self.remedies.all.is_empty() {
            return;
        }
        screen.title("What to mend, the dearest first");
        screen.line(&format!(
            "  {} missed in the month for want of access, each charge counted once; below, under each cause it shows.",
            amounts(&self.remedies.total)
        ));
        for (at, remedy) in self.remedies.all.iter().take(SHOWN).enumerate() {
            screen.line(&format!(
                "  {}. {} a month at the present rate, {} in {} [{}]",
                at + 1,
                amounts(&remedy.per_month),
                amounts(&remedy.missed),
                self.month,
                remedy.cause
            ));
            screen.line(&format!("     {}", remedy.seen));
            screen.line(&format!("     {}", remedy.next));
            if let Some(command) = &remedy.command {
                screen.line(&format!("       {command}"));
            }
        }
        if self.remedies.all.len() > SHOWN {
            screen.line(&format!("  {} more in the JSON.", self.remedies.all.len() - SHOWN));
        }
    }

    fn closed_text(&self, screen: &mut Screen) {
        if !self.closed {
            return;
        }
        screen.line("");
        let before = if self.action == MonthAction::Closed {
            "The month is closed: runs leave it alone."
        } else {
            "The month is closed; what stands above is the month as closed."
        };
        screen.line(before);
        for (currency, known) in self.now_known.iter().flatten().filter(|(currency, known)| **known != self.as_closed(currency)) {
            let closed = self.as_closed(currency);
            screen.line(&format!("  {currency}: expected credit {} as closed, {} as now known.", money(closed), money(*known)));
        }
        for (month, currency, lines, credit) in &self.booked {
            screen.line(&format!("  Booked about {month}: {} lines, {} {currency} of expected credit.", count(*lines), money(*credit)));
        }
    }

    fn close(&self, screen: &mut Screen) {
        screen.line("");
        match &self.run_id {
            None => screen.line("Nothing to write: fact_difference already says this."),
            Some(run) => {
                let rows = self.tables.iter().find(|table| table.name == crate::schema::Table::FactDifference.name()).map_or(0, |table| table.rows);
                screen.line(&format!("Written as run {run}: fact_difference now has {} rows.", count(rows)));
            }
        }
    }
}

fn grain_word(grain: &str) -> &str {
    match grain {
        INVOICE_LINE => "invoice line",
        other => other,
    }
}

fn words(cause: Cause) -> String {
    cause.word().replace('_', " ")
}

struct Screen {
    out: String,
    colour: bool,
}

impl Screen {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.out.push('\n');
        let bold = if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
        self.line(&bold);
    }

    fn table(&mut self, headers: &[&str], right: &[usize], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
        table.set_header(headers.iter().copied()).add_rows(rows);
        for (_, column) in table.column_iter_mut().enumerate().filter(|(index, _)| right.contains(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let drawn = table.to_string();
        drawn.lines().for_each(|line| self.line(&format!(" {line}")));
    }
}
