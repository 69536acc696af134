//! The summary as one screen for people. Exact figures are in the JSON; here amounts have 2 places.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, ColumnConstraint, Table, TableComponent, Width, presets};
use pecan_core::charge::{Evidence, Outcome};

use super::figures::{count, money, percent};
use super::{Amount, Summary, Top};

/// Entries of a top list on screen; the JSON has ten.
const TOP_SHOWN: usize = 5;
const INDENT: &str = "  ";
/// Width of the labels on the left.
const LABEL: usize = 13;
const NARROWEST: usize = 60;

type Currency = Option<String>;

/// Collects lines.
struct Screen {
    out: String,
    width: usize,
    colour: bool,
}

pub(super) fn render(summary: &Summary, width: usize, colour: bool) -> String {
    let mut screen = Screen { out: String::new(), width: width.max(NARROWEST), colour };
    screen.head(summary);
    if !summary.nothing_to_do {
        screen.read(summary);
        screen.credit(summary);
        screen.missed(summary);
        screen.unknown(summary);
        screen.top("Customers that missed most", "Customer", &summary.top_customers);
        screen.top("Scopes that missed most", "Scope", &summary.top_scopes);
        screen.worth_a_look(summary);
        screen.tables(summary);
    }
    screen.warnings(summary);
    screen.out
}

impl Screen {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        let bold = if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_string() };
        self.out.push('\n');
        self.line(&bold);
    }

    /// `label` on the left, `text` wrapped beside it.
    fn labelled(&mut self, label: &str, text: &str) {
        let room = self.width.saturating_sub(INDENT.len() + LABEL);
        for (at, part) in wrapped(text, room).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            self.line(&format!("{INDENT}{label:<LABEL$}{part}"));
        }
    }

    fn table(&mut self, headers: &[&str], right: &[usize], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
        table.set_header(headers.iter().copied()).add_rows(rows);
        for (index, column) in table.column_iter_mut().enumerate() {
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(16)));
            }
        }
        let drawn = table.to_string();
        drawn.lines().for_each(|line| self.line(&format!(" {line}")));
    }

    fn head(&mut self, summary: &Summary) {
        self.line(&format!("pecan run {}", summary.run_id));
        if summary.nothing_to_do {
            let kept = counted(summary.files.kept, "file");
            self.line(&format!("Nothing to do: the output already says everything the inputs say ({kept} kept)."));
        } else if summary.dry_run {
            self.line("Dry run: everything was computed, nothing was made visible.");
        }
    }

    fn read(&mut self, summary: &Summary) {
        self.out.push('\n');
        let share = percent(i128::from(summary.rejections), i128::from(summary.rows_read));
        let rejected = if summary.rejections == 0 { "no rejections".to_string() } else { format!("{} ({share})", counted(summary.rejections, "rejection")) };
        self.labelled("Charges", &format!("{} read: {}, {rejected}", counted(summary.rows_read, "row"), counted(summary.credit_lines, "credit line")));
        if !summary.outcomes.is_empty() {
            self.labelled("", &kinds_of_charges(summary));
        }
        let amounts: Vec<String> = summary.list_costs.iter().map(|(currency, amount)| unbroken(&with_currency(*amount, currency))).collect();
        self.labelled("List cost", &if amounts.is_empty() { "none".to_string() } else { amounts.join(" · ") });
        let files = &summary.files;
        let parts = [("written", files.written), ("replaced", files.replaced), ("kept", files.kept), ("removed", files.removed)];
        self.labelled("Files", &parts.map(|(word, n)| format!("{} {word}", count(n))).join(", "));
        let millis = summary.took.as_millis();
        let speed = u128::from(summary.rows_read).saturating_mul(1000).checked_div(millis).and_then(|n| u64::try_from(n).ok());
        let speed = speed.map(|n| format!(", {} rows/s", count(n))).unwrap_or_default();
        self.labelled("Time", &format!("{}.{} s{speed}", millis / 1000, millis % 1000 / 100));
    }

    fn credit(&mut self, summary: &Summary) {
        if summary.totals.is_empty() {
            return;
        }
        self.title("Credit");
        let row = |total: &super::Total| {
            let (credit, missed) = (total.credit.0, total.missed_credit.0);
            let rate = percent(credit, credit.saturating_add(missed));
            vec![currency_word(&total.billing_currency), money(credit), money(missed), rate, money(total.applied_credit.0)]
        };
        let rows = summary.totals.iter().map(row).collect();
        self.table(&["Currency", "Credit", "Missed credit", "Coverage", "Applied by Microsoft"], &[1, 2, 3, 4], rows);
    }

    /// Missed credit by outcome, what is provisional said below, what nothing is known of left out.
    fn missed(&mut self, summary: &Summary) {
        let known = summary.outcomes.iter().filter(|o| o.outcome.is_missed() && o.evidence != Evidence::BeforeFirstRecord);
        let mut sums: BTreeMap<(Currency, Outcome), (u64, i128)> = BTreeMap::new();
        let mut provisional: BTreeMap<Currency, i128> = BTreeMap::new();
        for total in known {
            let sum = sums.entry((total.billing_currency.clone(), total.outcome)).or_default();
            *sum = (sum.0.saturating_add(total.charges), sum.1.saturating_add(total.missed_credit.0));
            if total.evidence == Evidence::Provisional && total.missed_credit.0 != 0 {
                let sum = provisional.entry(total.billing_currency.clone()).or_default();
                *sum = sum.saturating_add(total.missed_credit.0);
            }
        }
        if sums.is_empty() {
            return;
        }
        self.title("Why credit was missed");
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|((ca, oa), (_, a)), ((cb, ob), (_, b))| ca.cmp(cb).then(b.cmp(a)).then(oa.cmp(ob)));
        let row = |((currency, outcome), (charges, missed)): &((Currency, Outcome), (u64, i128))| {
            let whole = summary.totals.iter().find(|t| t.billing_currency == *currency).map_or(0, |t| t.missed_credit.0);
            vec![words(*outcome), count(*charges), with_currency(Amount(*missed), currency), percent(*missed, whole)]
        };
        self.table(&["Outcome", "Charges", "Missed credit", "Share"], &[1, 2, 3], sums.iter().map(row).collect());
        if !provisional.is_empty() {
            let amounts: Vec<String> = provisional.iter().map(|(currency, sum)| with_currency(Amount(*sum), currency)).collect();
            self.labelled("Provisional", &format!("{} of it: those days are not over at the cutoff", amounts.join(" · ")));
        }
    }

    fn unknown(&mut self, summary: &Summary) {
        let mut sums: BTreeMap<&Currency, (u64, i128)> = BTreeMap::new();
        for total in summary.outcomes.iter().filter(|o| o.evidence == Evidence::BeforeFirstRecord) {
            let sum = sums.entry(&total.billing_currency).or_default();
            *sum = (sum.0.saturating_add(total.charges), sum.1.saturating_add(total.missed_credit.0));
        }
        if sums.is_empty() {
            return;
        }
        self.title("Before the first record: nothing is known, so nothing is called lost");
        let row = |(currency, (charges, missed)): (&&Currency, &(u64, i128))| vec![count(*charges), with_currency(Amount(*missed), currency)];
        self.table(&["Charges", "Credit in doubt"], &[0, 1], sums.iter().map(row).collect());
    }

    fn top(&mut self, title: &str, header: &str, all: &[Top]) {
        if all.is_empty() {
            return;
        }
        self.title(title);
        let room = self.width.saturating_sub(20);
        let row = |top: &Top| vec![with_currency(top.missed_credit, &top.billing_currency), shortened(top.id.as_deref().unwrap_or("(none)"), room)];
        // The JSON lists each currency in turn; the screen takes the first few of each.
        let mut rows = Vec::new();
        for group in all.chunk_by(|a, b| a.billing_currency == b.billing_currency) {
            rows.extend(group.iter().take(TOP_SHOWN).map(row));
        }
        self.table(&["Missed credit", header], &[0], rows);
    }

    fn worth_a_look(&mut self, summary: &Summary) {
        let mut notes: Vec<(&str, String)> = Vec::new();
        if summary.rejections + summary.rejections_other > 0 {
            let text = format!(
                "{}, {} of audit and reference files; each with its reason in table rejection",
                counted(summary.rejections, "charge row"),
                counted(summary.rejections_other, "row")
            );
            notes.push(("Rejections", text));
        }
        if !summary.unknown_roles.is_empty() {
            let roles: Vec<String> =
                summary.unknown_roles.iter().map(|r| format!("{} ({})", r.role_definition_id, counted(r.assignments, "assignment"))).collect();
            notes.push(("Roles", format!("unknown, so not earning unless the job says otherwise: {}", roles.join(", "))));
        }
        if summary.contradictions > 0 {
            notes.push(("Records", format!("{}, resolved against credit", counted(summary.contradictions, "contradiction"))));
        }
        for adjusted in &summary.price_adjusted {
            let amount = with_currency(adjusted.amount, &adjusted.pricing_currency);
            notes.push(("Prices", format!("{} with {amount} less net cost than our rate explains", counted(adjusted.lines, "line"))));
        }
        if summary.operands_rounded > 0 {
            notes.push(("Numbers", format!("{} rounded to 22 places", counted(summary.operands_rounded, "operand"))));
        }
        if notes.is_empty() {
            return;
        }
        self.title("Worth a look");
        notes.iter().for_each(|(label, text)| self.labelled(label, text));
    }

    fn tables(&mut self, summary: &Summary) {
        if summary.tables.is_empty() {
            return;
        }
        self.title("Tables");
        let version = |v: Option<i64>| v.map_or_else(|| "–".to_string(), |v| v.to_string());
        let rows = summary.tables.iter().map(|t| vec![t.name.clone(), version(t.version), count(t.rows)]).collect();
        self.table(&["Table", "Version", "Rows"], &[1, 2], rows);
    }

    fn warnings(&mut self, summary: &Summary) {
        if summary.warnings.is_empty() {
            return;
        }
        self.title("Warnings");
        let room = self.width.saturating_sub(INDENT.len() + 2);
        for warning in &summary.warnings {
            for (at, part) in wrapped(&format!("{} [{}]", warning.text, warning.code), room).iter().enumerate() {
                self.line(&format!("{INDENT}{} {part}", if at == 0 { "!" } else { " " }));
            }
        }
    }
}

/// `3,000 covered · 120 that missed credit · 7 without evidence · 14 not usage`.
fn kinds_of_charges(summary: &Summary) -> String {
    let mut kinds: BTreeMap<(usize, String), u64> = BTreeMap::new();
    for total in &summary.outcomes {
        let kind = match (total.outcome, total.evidence) {
            (_, Evidence::BeforeFirstRecord) => (2, "without evidence".to_string()),
            (Outcome::Covered, _) => (0, words(Outcome::Covered)),
            (outcome, _) if outcome.is_missed() => (1, "that missed credit".to_string()),
            (outcome, _) => (3, words(outcome)),
        };
        let sum = kinds.entry(kind).or_default();
        *sum = sum.saturating_add(total.charges);
    }
    kinds.iter().map(|((_, kind), n)| unbroken(&format!("{} {kind}", count(*n)))).collect::<Vec<_>>().join(" · ")
}

/// `1 row`, `2 rows`.
fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

fn words(outcome: Outcome) -> String {
    outcome.word().replace('_', " ")
}

fn currency_word(currency: &Currency) -> String {
    currency.clone().unwrap_or_else(|| "(none)".to_string())
}

fn with_currency(amount: Amount, currency: &Currency) -> String {
    format!("{} {}", money(amount.0), currency_word(currency))
}

/// Text that [`wrapped`] leaves on one line.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Breaks at blanks; a longer word stays whole.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let Some(last) = lines.last_mut() else { break };
        let used = last.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word.to_string());
        } else {
            if used > 0 {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

/// Leaves out the middle of what is too long: an ARM id is recognised by both sides.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_string();
    }
    let tail = width * 2 / 3;
    let head = width.saturating_sub(tail + 1);
    let part = |from: usize, until: usize| chars.get(from..until).unwrap_or_default().iter().collect::<String>();
    format!("{}…{}", part(0, head), part(chars.len() - tail, chars.len()))
}
