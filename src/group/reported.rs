//! The sums of a group by what the run report tells apart.

use hashbrown::HashMap;
use pecan_core::charge::{Evidence, Outcome};

use crate::decide::cells::{Daily, Sums};
use crate::error::Result;
use crate::summary::Cell;

/// What the run report tells apart: outcome, evidence, customer, pricing and billing currency.
type Reported<'a> = (Outcome, Evidence, Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// The daily cells of a group summed by what the run report tells apart.
/// # Errors
/// `Input` if a sum does not fit.
pub fn reported(daily: &Daily, group: &str) -> Result<Vec<Cell>> {
    let mut sums: HashMap<Reported, Sums> = HashMap::new();
    for cell in daily.iter() {
        let key = (cell.outcome, cell.evidence, cell.shown[0], cell.currencies[0], cell.currencies[1]);
        // Quantities of different meters have no sum that anybody asks for, and none that must fit.
        sums.entry(key).or_default().add(&Sums { quantity: None, ..*cell.sums }).map_err(|e| e.error(group))?;
    }
    let text = |text: Option<&str>| text.map(str::to_owned);
    let cell = |((outcome, evidence, customer, pricing, billing), sums): (Reported, Sums)| Cell {
        outcome,
        evidence,
        billing_currency: text(billing),
        pricing_currency: text(pricing),
        customer: text(customer),
        charges: u64::try_from(sums.charges).unwrap_or(0),
        list_cost: sums.list_cost,
        credit: sums.credit_billing,
        missed: sums.missed_billing,
        applied: sums.applied_billing.unwrap_or(0),
    };
    Ok(sums.into_iter().map(cell).collect())
}
