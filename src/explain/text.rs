//! The story for people: verdict first, then what it rests on.

mod access;

use pecan_core::money::plain;
use pecan_core::scope::{Level, Scope, id_key};

use super::Story;
use super::clock::{counted, spoken};
use super::json::sums_of;
use super::tell::{Telling, Told};
use super::verdict::level_word;
use crate::job::Question;
use crate::rejection::Rejection;
use crate::summary::figures::money;
use crate::summary::text::{shortened, wrapped};

/// Charges up to which each is told in full.
const TOLD_IN_FULL: usize = 2;
/// Charges in the table; the JSON has all.
const MOST_ROWS: usize = 50;
/// Width of that table but for the name of the meter.
const TABLE_WITHOUT_METER: usize = 67;
const INDENT: usize = 2;
/// Width of the labels on the left.
const LABEL: usize = 19;
const NARROWEST: usize = 60;

/// How a piece of text is set off, on terminals with colours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shade {
    Plain,
    Bold,
    Dim,
    Green,
    Red,
}

/// Collects lines.
struct Screen {
    out: String,
    width: usize,
    colour: bool,
}

pub(super) fn render(story: &Story, width: usize, colour: bool) -> String {
    let mut screen = Screen { out: String::new(), width: width.max(NARROWEST), colour };
    for (at, rejection) in story.rejections.iter().enumerate() {
        if at > 0 {
            screen.blank();
        }
        screen.rejection(rejection);
    }
    for (at, telling) in story.tellings.iter().enumerate() {
        if at > 0 || !story.rejections.is_empty() {
            screen.blank();
            screen.line(&"─".repeat(screen.width), Shade::Dim);
            screen.blank();
        }
        screen.telling(story, telling);
    }
    screen.foot(story);
    screen.out
}

impl Screen {
    fn blank(&mut self) {
        self.out.push('\n');
    }

    fn shaded(&self, text: &str, shade: Shade) -> String {
        let code = match shade {
            Shade::Plain => return text.to_owned(),
            Shade::Bold => "1",
            Shade::Dim => "2",
            Shade::Green => "32",
            Shade::Red => "31",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str, shade: Shade) {
        let text = self.shaded(text.trim_end(), shade);
        self.out.push_str(&text);
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.blank();
        self.line(text, Shade::Bold);
    }

    /// Text wrapped to the width, `indent` blanks in.
    fn paragraph(&mut self, indent: usize, text: &str, shade: Shade) {
        for part in wrapped(text, self.width.saturating_sub(indent)) {
            self.line(&format!("{:indent$}{part}", ""), shade);
        }
    }

    /// `label` on the left, `text` wrapped beside it.
    fn labelled(&mut self, label: &str, text: &str) {
        let room = self.width.saturating_sub(INDENT + LABEL);
        for (at, part) in wrapped(text, room).iter().enumerate() {
            // A name as long as the column keeps a blank behind it.
            let label = if at == 0 { shortened(label, LABEL - 1) } else { String::new() };
            self.line(&format!("{:INDENT$}{label:<LABEL$}{part}", ""), Shade::Plain);
        }
    }

    fn rejection(&mut self, r: &Rejection) {
        let place = format!("{}:{}:{}", r.source.as_deref().unwrap_or_default(), r.file, r.row.unwrap_or(0));
        self.line(&place, Shade::Bold);
        self.blank();
        let fault = match (&r.column, &r.value) {
            (Some(column), Some(value)) => format!("its column {column} reads {value:?}"),
            (Some(column), None) => format!("its column {column} is at fault"),
            (None, _) => "the record does not fit the header".to_owned(),
        };
        let text = format!(
            "Rejected: this row is no charge, for {fault} ({}). It earns nothing and is part of no sum; it is kept in the table rejection (R-CONSERVE).",
            r.reason.word()
        );
        self.paragraph(0, &text, Shade::Red);
        self.title("Rejection");
        self.labelled("Reason", r.reason.word());
        self.labelled("Column", r.column.as_deref().unwrap_or("the record as a whole"));
        self.labelled("Reads", r.value.as_deref().unwrap_or("nothing"));
        self.labelled("Message", &r.message);
        self.labelled("Group", r.group_id.as_deref().unwrap_or_default());
        if let Some(run) = &r.source_run {
            self.labelled("Export run", run);
        }
    }

    fn telling(&mut self, story: &Story, t: &Telling) {
        let name = pecan_core::scope::last_segment(&t.shown_scope);
        let what = match t.scope.as_ref().map(Scope::level) {
            None => "A charge without a scope".to_owned(),
            Some(Level::Resource) => name.to_owned(),
            Some(level) => format!("The {} {name} itself", level_word(level)),
        };
        self.line(&format!("{what} on {}", t.clock.day), Shade::Bold);
        if !t.shown_scope.is_empty() {
            self.line(&t.shown_scope, Shade::Dim);
        }
        self.blank();
        self.verdicts(t);
        match t.charges.as_slice() {
            [] => {}
            few if few.len() <= TOLD_IN_FULL => few.iter().for_each(|told| self.charge(told, few.len() > 1)),
            many => self.charges(story, many),
        }
        self.parties(t);
        if let Some(access) = &t.access {
            self.access(t, access);
        }
        if t.charges.len() <= TOLD_IN_FULL {
            t.charges.iter().for_each(|told| self.arithmetic(told, t.charges.len() > 1));
        }
    }

    /// Each distinct verdict once, with how many charges it is about and their money.
    fn verdicts(&mut self, t: &Telling) {
        let mut said: Vec<(&str, &str, Vec<&Told>)> = Vec::new();
        for told in &t.charges {
            match said.iter_mut().find(|(verdict, evidence, _)| *verdict == told.verdict && *evidence == told.evidence) {
                Some((_, _, all)) => all.push(told),
                None => said.push((&told.verdict, &told.evidence, vec![told])),
            }
        }
        let several = said.len() > 1;
        let next: Vec<Option<&str>> = said.iter().skip(1).map(|(_, evidence, _)| Some(*evidence)).chain([None]).collect();
        for ((verdict, evidence, all), next) in said.iter().zip(next) {
            let about = if several { format!("{}. ", counted(all.len() as u64, "charge")) } else { String::new() };
            let earned = all.iter().all(|told| told.line.outcome == pecan_core::charge::Outcome::Covered);
            let missed = all.iter().any(|told| told.line.outcome.is_missed());
            let shade = if earned {
                Shade::Green
            } else if missed {
                Shade::Red
            } else {
                Shade::Plain
            };
            self.paragraph(0, &format!("{about}{verdict}{}", money_of(all)), shade);
            // Said once for all verdicts in a row that rest on the same.
            if next != Some(*evidence) {
                self.paragraph(0, &format!("Evidence {evidence}."), Shade::Dim);
            }
        }
    }

    fn charge(&mut self, told: &Told, several: bool) {
        let (labels, place, charge) = (&told.found.labels, &told.found.place, &told.found.one.charge);
        self.title(&if several { format!("Charge, row {}", place.row) } else { "Charge".to_owned() });
        self.labelled("From", &format!("{}:{}:{}", place.source, place.file, place.row));
        self.labelled("Customer", &named(labels.customer_name.as_deref(), labels.customer_id.as_deref()));
        self.labelled("Subscription", &named(labels.subscription_name.as_deref(), charge.subscription_id.as_deref()));
        let meter = [labels.meter_category.as_deref(), labels.meter_name.as_deref()];
        let meter: Vec<&str> = meter.into_iter().flatten().collect();
        self.labelled("Meter", &named((!meter.is_empty()).then(|| meter.join(", ")).as_deref(), charge.product.meter_id.as_deref()));
        let product = [charge.product.product_id.as_deref(), charge.product.sku_id.as_deref()];
        let product: Vec<&str> = product.into_iter().flatten().collect();
        self.labelled("Product", &named(labels.product_name.as_deref(), (!product.is_empty()).then(|| product.join(" ")).as_deref()));
        let quantity = charge.numbers.quantity.map_or_else(|| "empty".to_owned(), |q| q.to_string());
        let price = charge.numbers.list_unit_price.map_or_else(|| "empty".to_owned(), |p| p.to_string());
        let unit = labels.unit.as_deref().map(|u| format!(" × {u}")).unwrap_or_default();
        self.labelled("Quantity", &format!("{quantity}{unit}"));
        self.labelled("List unit price", &format!("{price} {}", labels.pricing_currency.as_deref().unwrap_or_default()));
        self.labelled("Scope", &told.level_note);
    }

    /// Many charges: totals and a line each.
    fn charges(&mut self, story: &Story, all: &[Told]) {
        self.title(&counted(all.len() as u64, "charge"));
        for ([pricing, billing], total) in sums_of(all) {
            let shown = |at: usize| total.sums.get(at).copied().flatten().map_or_else(|| "too large".to_owned(), money);
            let (pricing, billing) = (pricing.unwrap_or_default(), billing.unwrap_or_default());
            let text =
                format!("list cost {} {pricing} · credit {} {billing} · missed {} {billing} · applied {} {billing}", shown(0), shown(1), shown(2), shown(3));
            self.labelled(&format!("{} in {billing}", total.charges), &text);
        }
        self.blank();
        let meters = self.width.saturating_sub(TABLE_WITHOUT_METER).clamp(12, 32);
        let header = format!("{:>6}  {:<meters$}{:>11}{:>11}{:>11}  outcome", "row", "meter", "list cost", "credit", "missed");
        self.line(&format!("{:INDENT$}{header}", ""), Shade::Dim);
        let mut file = "";
        for told in all.iter().take(MOST_ROWS) {
            if told.found.place.file != file {
                file = &told.found.place.file;
                self.line(&format!("{:INDENT$}{}:{file}", "", told.found.place.source), Shade::Dim);
            }
            let a = &told.line.amounts;
            let meter = told.found.labels.meter_name.as_deref().or(told.found.one.charge.product.meter_id.as_deref()).unwrap_or("–");
            let outcome = told.line.excluded_kind.map_or_else(|| told.line.outcome.word().to_owned(), |k| format!("excluded: {}", k.word()));
            let numbers = format!("{:>11}{:>11}{:>11}", money(a.list_cost.0), money(a.credit_billing.0), money(a.missed_billing.0));
            let meter = shortened(meter, meters.saturating_sub(1));
            self.line(&format!("{:INDENT$}{:>6}  {meter:<meters$}{numbers}  {outcome}", "", told.found.place.row), Shade::Plain);
        }
        if all.len() > MOST_ROWS {
            self.paragraph(INDENT, &format!("… and {} more; --output-format json lists all", all.len() - MOST_ROWS), Shade::Dim);
        }
        if let (Question::Day { .. }, Some(first)) = (&story.question, all.first()) {
            let place = &first.found.place;
            self.paragraph(INDENT, &format!("The arithmetic of one: pecan explain … --line\u{a0}{}:{}:{}", place.source, place.file, place.row), Shade::Dim);
        }
    }

    fn parties(&mut self, t: &Telling) {
        let p = &t.parties;
        self.title("Whose access counts");
        let organisation = |id: &Option<String>| id.clone().unwrap_or_else(|| "unknown to the partners table".to_owned());
        let partner = p.billed_mpn.as_ref().map(|m| format!(", partner id {m}")).unwrap_or_default();
        let tenant = p.billed_tenant.as_deref().unwrap_or("none on the charge");
        self.labelled("Billed partner", &format!("{}{partner}, tenant {tenant}", organisation(&p.billed_organisation)));
        if p.billed_organisation.is_some() {
            let spans: Vec<String> = p.agreement.iter().map(|s| spoken(*s)).collect();
            let active = if p.agreement_covers { "active all day" } else { "not active all day" };
            self.labelled("Agreement", &format!("{active}: {} (R-PARTY-3)", if spans.is_empty() { "never".to_owned() } else { spans.join(", ") }));
        }
        match &p.reseller_mpn {
            None => self.labelled("Reseller", "none on the charge (R-PARTY-1)"),
            Some(id) => self.labelled("Reseller", &format!("{}, partner id {id} (R-PARTY-1)", organisation(&p.reseller_organisation))),
        }
        if t.access.is_none() {
            self.labelled("Access", "was not asked for: the outcome was decided before (R-OUTCOME)");
        }
    }

    fn arithmetic(&mut self, told: &Told, several: bool) {
        self.title(&if several { format!("Arithmetic, row {}", told.found.place.row) } else { "Arithmetic".to_owned() });
        let steps = &told.sums.steps;
        for (at, step) in steps.iter().enumerate() {
            if step.repeats {
                continue;
            }
            if at == 1 {
                self.labelled("Rate", &told.sums.rate_note);
            }
            let currency = step.currency.as_deref().unwrap_or_default();
            let result = step.result.map_or_else(|| "unknown".to_owned(), |r| format!("{} {currency}", plain(r.0, pecan_core::money::AMOUNT_PLACES)));
            let result = result.trim_end();
            let text = if step.formula.is_empty() { format!("{result}, {}", step.note) } else { format!("{} = {result}, {}", step.formula, step.note) };
            self.labelled(&step.label, &text.replace(", (", " ("));
        }
    }

    fn foot(&mut self, story: &Story) {
        self.blank();
        let passed = match story.read.groups_passed_over {
            0 => String::new(),
            n => format!("; {} about other days or files not read", counted(n as u64, "group")),
        };
        self.paragraph(
            0,
            &format!("Job {}; {} of {} read{passed}.", story.job, counted(story.read.rows, "row"), counted(story.read.groups as u64, "group")),
            Shade::Dim,
        );
    }
}

/// `Litware (id)`, or what there is.
fn named(name: Option<&str>, id: Option<&str>) -> String {
    match (name, id.filter(|id| id_key(id).is_some())) {
        (Some(name), Some(id)) => format!("{name} ({id})"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "–".to_owned(),
    }
}

/// ` Credit: 1.80 USD.` or ` Missed credit: 1.80 USD.`; of what rests on nothing, the credit in doubt.
fn money_of(all: &[&Told]) -> String {
    let mut sums: std::collections::BTreeMap<(&str, Option<&str>), i128> = std::collections::BTreeMap::new();
    for told in all {
        let (word, amount) = match told.line.outcome {
            pecan_core::charge::Outcome::Covered => ("Credit", told.line.amounts.credit_billing),
            outcome if outcome.is_missed() && told.line.evidence == pecan_core::charge::Evidence::BeforeFirstRecord => {
                ("Credit in doubt", told.line.amounts.missed_billing)
            }
            outcome if outcome.is_missed() => ("Missed credit", told.line.amounts.missed_billing),
            _ => continue,
        };
        let sum = sums.entry((word, told.found.labels.billing_currency.as_deref())).or_default();
        *sum = sum.saturating_add(amount.0);
    }
    sums.iter().map(|((word, currency), sum)| format!(" {word}: {}\u{a0}{}.", money(*sum), currency.unwrap_or_default())).collect()
}
