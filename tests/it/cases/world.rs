//! What the statements of a case build up: facts, rules and charges.
//!
//! Every case starts from [`PRELUDE`] unless it says `bare`.

use pecan_core::charge::{Numbers, Product};
use pecan_core::event::AuditRecord;
use pecan_core::knowledge::{Charge, Facts};
use pecan_core::money::{D22, parse_number, parse_rate};
use pecan_core::reference::{BadSpan, ExcludedKind, Reference, Validity, span_of};
use pecan_core::rules::{CombineParties, CreditBase, RateSource, Rules};
use pecan_core::time::{RawInstant, Span};

use super::names;
use super::parser::{Case, Statement, read_statement};

/// Three partner organisations, each with one principal linked for ever, and a log known from August to October:
/// `mpn-1` is the billed partner of every charge that names no other, `mpn-2` a reseller, `mpn-3` somebody else.
pub const PRELUDE: &str = "
partner mpn-1 provider t-provider
partner mpn-2 reseller t-reseller
partner mpn-3 stranger t-stranger
link partner  mpn-1 aobo
link reseller mpn-2 aobo
link stranger mpn-3 aobo
first  08-01 00:00
cutoff 10-31 06:00
";

/// One charge of a case.
#[derive(Debug, Clone)]
pub struct CaseCharge {
    /// The scope as the case wrote it.
    pub label: String,
    /// Billing currency, for display.
    pub currency: String,
    /// What core is asked.
    pub charge: Charge,
}

/// What a case asks to see beyond outcome and amount.
#[derive(Debug, Clone, Default)]
pub struct Show {
    /// The access intervals.
    pub intervals: bool,
    /// Counts by name.
    pub counts: Vec<String>,
    /// Further fields of every credit line.
    pub fields: Vec<String>,
}

/// When an input begins or stops being known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    /// As the case's own records say.
    Records,
    /// Not at all, or at this instant.
    At(Option<RawInstant>),
}

/// Everything a case says.
#[derive(Debug, Clone)]
pub struct World {
    /// Audit records, in file order.
    pub records: Vec<AuditRecord>,
    /// For a rejection's row: what the record was.
    pub labels: Vec<(pecan_core::event::Place, String)>,
    /// Reference rows.
    pub reference: Reference,
    /// Reference rows whose span is empty or inverted (details 17), as expected lines.
    pub bad_spans: Vec<String>,
    /// Switches.
    pub rules: Rules,
    /// Charges, in order.
    pub charges: Vec<CaseCharge>,
    /// The job's cutoff.
    pub cutoff: Option<RawInstant>,
    /// First audit record of any operation.
    pub first: Stated,
    /// Newest audit record of any operation.
    pub newest: Stated,
    /// What to print.
    pub show: Show,
}

impl World {
    /// The world of a case, prelude included.
    pub fn of(case: &Case) -> World {
        let mut world = World {
            records: Vec::new(),
            labels: Vec::new(),
            reference: Reference::default(),
            bad_spans: Vec::new(),
            rules: Rules::default(),
            charges: Vec::new(),
            cutoff: None,
            first: Stated::Records,
            newest: Stated::Records,
            show: Show::default(),
        };
        let bare = case.statements.iter().any(|s| s.word(0) == "bare");
        let given = PRELUDE.lines().enumerate().filter(|(_, line)| !line.is_empty());
        let prelude: Vec<Statement> = given.map(|(n, line)| read_statement(&format!("prelude:{n}"), line)).collect();
        for statement in prelude.iter().filter(|s| !bare || !matches!(s.word(0), "partner" | "link")).chain(&case.statements) {
            world.state(statement);
        }
        world
    }

    /// What core is given.
    pub fn facts(&self) -> Facts {
        let at = |stated: Stated, own: Option<RawInstant>| match stated {
            Stated::Records => own,
            Stated::At(instant) => instant,
        };
        Facts {
            records: self.records.clone(),
            reference: self.reference.clone(),
            cutoff: self.cutoff,
            first_record: at(self.first, self.records.iter().map(|r| r.time).min()),
            newest_record: at(self.newest, self.records.iter().map(|r| r.time).max()),
            ..Facts::default()
        }
    }

    fn state(&mut self, s: &Statement) {
        match s.word(0) {
            "bare" => s.allow(1..=1, &[]),
            "rule" => self.rule(s),
            "cutoff" => self.cutoff = optional_instant(s),
            "first" => self.first = stated(s),
            "newest" => self.newest = stated(s),
            "show" => self.show_more(s),
            "charge" => self.charge(s),
            "assign" | "remove" | "register" | "unregister" | "record" => super::audit::state(self, s),
            "list" | "list-registrations" => super::lists::state(self, s),
            _ => super::reference::state(self, s),
        }
    }

    fn rule(&mut self, s: &Statement) {
        s.allow(3..=3, &[]);
        let value = s.word(2);
        let number = || value.parse::<i32>().unwrap_or_else(|_| s.wrong("needs a number"));
        match (s.word(1), value) {
            ("gap_tolerance_seconds", _) => self.rules.gap_tolerance_seconds = number().unsigned_abs(),
            ("day_offset_minutes", _) => self.rules.day_offset_minutes = number(),
            ("combine_parties", "each") => self.rules.combine_parties = CombineParties::Each,
            ("combine_parties", "union") => self.rules.combine_parties = CombineParties::Union,
            ("unknown_roles", "no" | "yes") => self.rules.unknown_roles = value == "yes",
            ("inherit_management_groups", "true" | "false") => self.rules.inherit_management_groups = value == "true",
            ("rate_source", "table") => self.rules.rate_source = RateSource::Table,
            ("rate_source", "statement") => self.rules.rate_source = RateSource::Statement,
            ("credit_base", "list") => self.rules.credit_base = CreditBase::List,
            ("credit_base", "net") => self.rules.credit_base = CreditBase::Net,
            _ => s.wrong("is no switch"),
        }
    }

    fn show_more(&mut self, s: &Statement) {
        match s.word(1) {
            "intervals" => self.show.intervals = true,
            "counts" => self.show.counts.extend(s.words.iter().skip(2).cloned()),
            _ => self.show.fields.extend(s.words.iter().skip(1).cloned()),
        }
    }

    fn charge(&mut self, s: &Statement) {
        const KEYS: [&str; 16] = [
            "quantity",
            "price",
            "fx",
            "net",
            "flag",
            "stated",
            "tenant",
            "reseller",
            "type",
            "kind",
            "meter",
            "product",
            "sku",
            "subscription",
            "group",
            "resource",
        ];
        s.allow(5..=5, &KEYS);
        let (scope, currencies) = (s.word(2), s.word(4));
        let (pricing, billing) = currencies.split_once('/').unwrap_or((currencies, currencies));
        let mut own = scope.split('/');
        let subscription = own.next().filter(|name| *name != "-" && !scope.starts_with('/')).map(names::subscription_id);
        let group = own.next().filter(|_| subscription.is_some()).map(String::from);
        let resource = own.next().and_then(|_| names::scope_path(scope));
        let resource = if scope.starts_with('/') { names::scope_path(scope) } else { resource };
        let given = |key: &str, else_: Option<String>| if s.key(key).is_some() { s.id(key).map(|v| names::fill_in(&v)) } else { else_ };
        let charge = Charge {
            usage_date: names::day(s.word(1)).unwrap_or_else(|| s.wrong("needs a date")),
            subscription_id: given("subscription", subscription).map(|name| names::subscription_id(&name)),
            resource_group: given("group", group),
            resource_id: given("resource", resource),
            partner_tenant_id: given("tenant", Some("t-provider".into())),
            reseller_mpn_id: given("reseller", None),
            product: product(s),
            numbers: numbers(s, pricing == billing),
        };
        self.charges.push(CaseCharge { label: scope.to_string(), currency: billing.to_string(), charge });
    }
}

fn product(s: &Statement) -> Product {
    let kind = |word: &str| ExcludedKind::parse(word).unwrap_or_else(|| s.wrong("has an unknown kind"));
    Product {
        usage: s.key("type").is_none_or(|word| word == "usage"),
        excluded: s.key("kind").map(kind),
        meter_id: Some(s.key("meter").unwrap_or("meter-1").to_string()).filter(|v| v != "-"),
        product_id: Some(s.key("product").unwrap_or("DZH318Z0BPS6").to_string()).filter(|v| v != "-"),
        sku_id: Some(s.key("sku").unwrap_or("00KK").to_string()).filter(|v| v != "-"),
    }
}

/// The price of a charge is its amount and the quantity 1, unless `quantity=` and `price=` stand instead of `-`.
fn numbers(s: &Statement, one_currency: bool) -> Numbers {
    let number = |text: &str| D22(parse_number(text).unwrap_or_else(|e| s.wrong(&format!("{text}: {e:?}"))).value);
    let rate = |text: &str| D22(parse_rate(text).unwrap_or_else(|e| s.wrong(&format!("{text}: {e:?}"))).value);
    let amount = Some(s.word(3)).filter(|text| *text != "-");
    if amount.is_some() && (s.key("quantity").is_some() || s.key("price").is_some()) {
        s.wrong("has an amount and a quantity or price: write - for the amount");
    }
    let same = one_currency.then_some(pecan_core::money::ONE);
    Numbers {
        quantity: amount.map_or_else(|| s.id("quantity").map(|v| number(&v)), |_| Some(pecan_core::money::ONE)),
        list_unit_price: amount.map_or_else(|| s.id("price").map(|v| number(&v)), |text| Some(number(text))),
        net_cost: s.id("net").map(|v| number(&v)),
        exchange_rate: if s.key("fx").is_some() { s.id("fx").map(|v| number(&v)) } else { same },
        applied: s.key("flag").map(|v| v == "true"),
        stated_rate: s.id("stated").map(|v| rate(&v)),
    }
}

fn stated(s: &Statement) -> Stated {
    if s.word(1) == "records" { Stated::Records } else { Stated::At(optional_instant(s)) }
}

fn optional_instant(s: &Statement) -> Option<RawInstant> {
    s.allow(2..=3, &[]);
    if s.word(1) == "none" { None } else { Some(instant(s, 1)) }
}

/// The instant written as two words from a position on.
pub fn instant(s: &Statement, at: usize) -> RawInstant {
    names::instant(s.word(at), s.word(at + 1)).unwrap_or_else(|| s.wrong("needs a date and a time"))
}

/// The instant behind a key.
pub fn instant_of(s: &Statement, key: &str) -> Option<RawInstant> {
    s.id(key).map(|text| names::instant_word(&text).unwrap_or_else(|| s.wrong(&format!("has a bad instant in {key}="))))
}

/// The span between `from=` and `until=`.
pub fn span(s: &Statement) -> Result<Option<Span>, BadSpan> {
    span_of(instant_of(s, "from"), instant_of(s, "until"))
}

/// The whole days between `from=` and `until=`.
pub fn days(s: &Statement) -> Result<Validity, BadSpan> {
    let day = |key| s.id(key).map(|text| names::day(&text).unwrap_or_else(|| s.wrong("has a bad day")));
    Validity::new(day("from"), day("until"))
}
