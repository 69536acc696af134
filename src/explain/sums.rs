//! The arithmetic of one charge: every operand exactly as used (R-RATE, R-MONEY).

use pecan_core::charge::{Amounts, Numbers, Outcome};
use pecan_core::credit::{Base, amounts, base_of};
use pecan_core::knowledge::{Knowledge, Terms};
use pecan_core::money::{D12, D22, ONE};
use pecan_core::reference::ExcludedKind;
use pecan_core::rules::{CreditBase, RateSource};

use super::found::FoundCharge;
use crate::schema::name;

/// One line of arithmetic.
#[derive(Debug)]
pub(super) struct Step {
    /// Stable word.
    pub name: &'static str,
    /// For people.
    pub label: String,
    /// Operands by name, as used.
    pub operands: Vec<(&'static str, D22)>,
    /// `quantity 24 × list unit price 0.5`; empty where nothing is computed.
    pub formula: String,
    /// What came out, rounded once; `None`: cannot be told.
    pub result: Option<D12>,
    /// Of the result.
    pub currency: Option<String>,
    /// What it means, with rule numbers.
    pub note: String,
    /// Says no more than the step before: people are spared it.
    pub repeats: bool,
}

/// Everything about the money of one charge.
#[derive(Debug)]
pub(super) struct Sums {
    pub rate: Option<D22>,
    /// `table_meter`, `table_product`, `statement`, `documented`; `None` without a rate.
    pub rate_from: Option<&'static str>,
    pub rate_note: String,
    pub steps: Vec<Step>,
}

/// What the arithmetic of a charge is told from.
pub(super) struct Sum<'a> {
    pub knowledge: &'a Knowledge,
    pub found: &'a FoundCharge,
    pub terms: &'a Terms,
    pub rate: Option<D22>,
    pub outcome: Outcome,
    pub excluded_kind: Option<ExcludedKind>,
    pub amounts: &'a Amounts,
}

impl Sum<'_> {
    fn numbers(&self) -> &Numbers {
        &self.found.one.charge.numbers
    }

    fn pricing(&self) -> Option<String> {
        self.found.labels.pricing_currency.clone()
    }

    fn billing(&self) -> Option<String> {
        self.found.labels.billing_currency.clone()
    }

    fn step(&self, name: &'static str, label: &str, operands: Vec<(&'static str, D22)>, result: Option<D12>, currency: Option<String>, note: &str) -> Step {
        let factors: Vec<String> = operands.iter().map(|(name, value)| format!("{name} {value}")).collect();
        Step { name, label: label.to_owned(), formula: factors.join(" × "), operands, result, currency, note: note.to_owned(), repeats: false }
    }

    /// Tells it.
    pub fn tell(&self) -> Sums {
        let n = self.numbers();
        let (q, p) = (n.quantity, n.list_unit_price);
        let listed = q.zip(p).map(|(q, p)| vec![("quantity", q), ("list unit price", p)]).unwrap_or_default();
        let note = if listed.is_empty() { "quantity or price is empty on this row that is not usage: 0 (details 6)" } else { "(R-MONEY-2)" };
        let mut steps = vec![self.step(name::LIST_COST, "List cost", listed.clone(), Some(self.amounts.list_cost), self.pricing(), note)];
        steps.extend(self.credit(&listed));
        steps.push(self.expected());
        if self.outcome.is_missed() {
            steps.push(self.step(
                "missed",
                "Missed",
                Vec::new(),
                Some(self.amounts.missed_billing),
                self.billing(),
                "what `covered` would have given (details 31)",
            ));
        }
        steps.push(self.applied(&listed));
        steps.extend(self.implied(listed));
        let (rate_from, rate_note) = self.rate_origin();
        Sums { rate: self.rate, rate_from, rate_note, steps }
    }

    /// The credit that `covered` gives, in pricing and in billing currency.
    fn credit(&self, listed: &[(&'static str, D22)]) -> Vec<Step> {
        let (n, rules) = (self.numbers(), &self.knowledge.rules);
        let (Some(rate), Some(fx)) = (self.rate, n.exchange_rate) else { return Vec::new() };
        let Some(base) = base_of(n, rate, rules.credit_base) else { return Vec::new() };
        let Ok(would_be) = amounts(n, self.rate, Outcome::Covered, rules.credit_base) else { return Vec::new() };
        let (operands, net, note) = match base {
            Base::List if rules.credit_base == CreditBase::Net => {
                (listed.to_vec(), None, "credit_base = \"net\", but list cost is the smaller base here (R-MONEY-2)")
            }
            Base::List => (listed.to_vec(), None, "rounded once from the exact product (R-MONEY-2, R-MONEY-3)"),
            Base::Net(net) => (vec![("net cost", net)], None, "credit_base = \"net\" and no credit applied: the net cost is the base (R-MONEY-2)"),
            Base::GrossedUp { net, stated } => {
                let text = format!("net cost {net} ÷ (1 − stated rate {stated})");
                (
                    vec![("net cost", net), ("stated rate", stated)],
                    Some(text),
                    "credit_base = \"net\" and credit applied: the net cost before it is the base (R-MONEY-2)",
                )
            }
        };
        let build = |word, label: &str, more: &[(&'static str, D22)], result, currency, note| {
            let all: Vec<(&'static str, D22)> = operands.iter().chain(more).copied().collect();
            let mut step = self.step(word, label, all, Some(result), currency, note);
            if let Some(net) = &net {
                step.formula = more.iter().fold(net.clone(), |text, (name, value)| format!("{text} × {name} {value}"));
            }
            step
        };
        let pricing = build("credit_at_covered_pricing", "Credit if covered", &[("rate", rate)], would_be.credit_pricing, self.pricing(), note);
        let exchange = [("rate", rate), ("exchange rate", fx)];
        let in_billing = "in the currency of the invoice, rounded once from the exact product (R-MONEY-2, R-MONEY-3)";
        let billing = build("credit_at_covered_billing", "…as billed", &exchange, would_be.credit_billing, self.billing(), in_billing);
        let repeats = fx == ONE && self.pricing() == self.billing();
        vec![pricing, Step { repeats, ..billing }]
    }

    fn expected(&self) -> Step {
        let note = match (self.outcome, self.excluded_kind) {
            (Outcome::Covered, _) => "for the outcome is covered (R-MONEY-2)".to_owned(),
            (outcome, Some(kind)) => format!("for the outcome is {} ({}) (R-MONEY-2)", outcome.word(), kind.word()),
            (outcome, None) => format!("for the outcome is {} (R-MONEY-2)", outcome.word()),
        };
        self.step("expected", "Expected", Vec::new(), Some(self.amounts.credit_billing), self.billing(), &note)
    }

    fn applied(&self, listed: &[(&'static str, D22)]) -> Step {
        let n = self.numbers();
        let agrees = match self.amounts.applied_billing {
            None => "",
            Some(applied) if applied == self.amounts.credit_billing => " and agrees with what is expected",
            Some(applied) if applied.0.saturating_abs() > self.amounts.credit_billing.0.saturating_abs() => " and gives more than is expected",
            Some(_) => " and gives less than is expected",
        };
        let (operands, note) = match n.applied {
            None => (Vec::new(), "the source has no flag for this row (R-MONEY-5)".to_owned()),
            Some(false) => (Vec::new(), format!("Microsoft's flag says no{agrees} (R-MONEY-5)")),
            Some(true) => {
                let rate = n.stated_rate.or(self.rate).map(|r| (if n.stated_rate.is_some() { "stated rate" } else { "rate" }, r));
                let fx = n.exchange_rate.map(|fx| ("exchange rate", fx));
                (listed.iter().copied().chain(rate).chain(fx).collect(), format!("Microsoft's flag says yes{agrees} (R-MONEY-5)"))
            }
        };
        self.step("applied", "Applied", operands, self.amounts.applied_billing, self.billing(), &note)
    }

    fn implied(&self, mut operands: Vec<(&'static str, D22)>) -> Option<Step> {
        let net = self.numbers().net_cost.filter(|_| !operands.is_empty())?;
        let mut step = self.step("implied", "Implied by price", operands.clone(), self.amounts.implied_pricing, self.pricing(), "(R-MONEY-5)");
        step.formula = format!("{} − net cost {net}", step.formula);
        operands.push(("net cost", net));
        Some(Step { operands, ..step })
    }

    fn rate_origin(&self) -> (Option<&'static str>, String) {
        let Some(rate) = self.rate else { return (None, "rows that are not usage have no rate (details 6)".to_owned()) };
        let charge = &self.found.one.charge;
        let mut product = charge.product.clone();
        (product.product_id, product.sku_id) = (None, None);
        let by_meter = self.knowledge.products.table_rate(&product, charge.usage_date).is_some();
        let statement = self.knowledge.rules.rate_source == RateSource::Statement;
        match self.terms.table_rate {
            Some(_) if by_meter => (Some("table_meter"), format!("{rate}, from a row of the rates table for this meter (R-RATE-1, details 4)")),
            Some(_) => (Some("table_product"), format!("{rate}, from a row of the rates table for this product (R-RATE-1, details 4)")),
            None if statement && charge.numbers.applied == Some(true) && charge.numbers.stated_rate == Some(rate) && rate.0 > 0 => {
                (Some("statement"), format!("{rate}, stated by the charge: rate_source = \"statement\" (R-RATE-1)"))
            }
            None => (Some("documented"), format!("{rate}, the documented rate: no row of the rates table matches (R-RATE-1)")),
        }
    }
}
