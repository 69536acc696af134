//! Whether a row is usage, and which exclusion its own columns show (R-PRODUCT-1, details 6, 13).

use pecan_core::reference::ExcludedKind;
use pecan_core::scope::is_null_id;

use crate::keys::{Keys, PerValue};
use crate::source::ChargeBatch;

/// The classifying columns of a batch, worked out once per distinct value.
pub struct Classes<'a> {
    charge_type: (Keys<'a>, PerValue<bool>),
    kinds: [(Keys<'a>, PerValue<Option<ExcludedKind>>); 4],
}

/// Words compare without case and blanks (details 13).
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}

fn pricing_model(text: &str) -> Option<ExcludedKind> {
    match plain(text).as_str() {
        "reservation" => Some(ExcludedKind::Reservation),
        "savingsplan" => Some(ExcludedKind::SavingsPlan),
        "spot" => Some(ExcludedKind::Spot),
        _ => None,
    }
}

fn filled(kind: ExcludedKind) -> impl Fn(&str) -> Option<ExcludedKind> {
    move |text| (!is_null_id(text)).then_some(kind)
}

impl<'a> Classes<'a> {
    /// Looks at the columns of a batch.
    pub fn new(batch: &'a ChargeBatch) -> Classes<'a> {
        let usage = Keys::new(&batch.charge_type);
        let model = Keys::new(&batch.pricing_model);
        let publisher = Keys::new(&batch.publisher_type);
        let reservation = Keys::new(&batch.reservation_id);
        let benefit = Keys::new(&batch.benefit_id);
        let marketplace = |text: &str| (plain(text) == "marketplace").then_some(ExcludedKind::Marketplace);
        Classes {
            charge_type: (usage, usage.each(false, |text| plain(text) == "usage")),
            kinds: [
                (model, model.each(None, pricing_model)),
                (reservation, reservation.each(None, filled(ExcludedKind::Reservation))),
                (benefit, benefit.each(None, filled(ExcludedKind::SavingsPlan))),
                (publisher, publisher.each(None, marketplace)),
            ],
        }
    }

    /// Whether the row is usage; an empty charge type is not.
    pub fn is_usage(&self, row: usize) -> bool {
        let (keys, usage) = &self.charge_type;
        *usage.of(keys.at(row))
    }

    /// The first kind in order that a column of the row shows.
    pub fn excluded(&self, row: usize) -> Option<ExcludedKind> {
        self.kinds.iter().filter_map(|(keys, kind)| *kind.of(keys.at(row))).min()
    }
}
