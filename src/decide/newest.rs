//! Names for the dims: for each id and attribute the value of the newest charge (data-contracts §2).

use std::collections::BTreeMap;

use hashbrown::HashMap;
use pecan_core::scope::id_key;
use serde::{Deserialize, Serialize};

use crate::columns::Text;
use crate::keys::{Keys, NULL};
use crate::source::ChargeBatch;

/// An attribute of a dim row that comes from charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "named as the columns of the dims")]
pub enum Attribute {
    CustomerName,
    SubscriptionName,
    SubscriptionCustomer,
    SubscriptionPlan,
    MeterName,
    MeterCategory,
    MeterSubCategory,
    MeterRegion,
    MeterUnit,
    MeterProductName,
    PartnerName,
    ResellerName,
}

/// Per attribute and id (lower case): the newest day and, of its values, the first in byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Id as first spelled, by lower-case id, for each kind of id.
    pub ids: BTreeMap<Attribute, BTreeMap<String, Named>>,
}

/// The spelling and the newest value of one id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// First spelling of the id in byte order.
    pub shown: String,
    /// Usage day of the newest charge that has a value; `None`: none has.
    pub newest: Option<(i32, String)>,
}

impl Names {
    /// Adds what other charges say; order never matters.
    pub fn merge(&mut self, other: &Names) {
        for (attribute, ids) in &other.ids {
            for (id, named) in ids {
                let value = named.newest.as_ref().map(|(day, value)| (*day, value.as_str()));
                self.add(*attribute, id, &named.shown, value);
            }
        }
    }

    fn add(&mut self, attribute: Attribute, id: &str, shown: &str, value: Option<(i32, &str)>) {
        let ids = self.ids.entry(attribute).or_default();
        if !ids.contains_key(id) {
            ids.insert(id.to_owned(), Named { shown: shown.to_owned(), newest: None });
        }
        let Some(named) = ids.get_mut(id) else { return };
        if shown < named.shown.as_str() {
            shown.clone_into(&mut named.shown);
        }
        let Some((day, value)) = value else { return };
        let newer = match &named.newest {
            None => true,
            Some((newest, text)) => day > *newest || (day == *newest && value < text.as_str()),
        };
        if newer {
            named.newest = Some((day, value.to_owned()));
        }
    }
}

/// One pair of columns: an id and what it is called, by key.
struct Pair<'a> {
    attribute: Attribute,
    id: Keys<'a>,
    value: Keys<'a>,
    /// Per id key: value key and newest day. Nearly every id keeps one value, so this is an index and a compare a row.
    usual: Vec<(i32, i32)>,
    others: HashMap<(i32, i32), i32>,
}

const UNSEEN: i32 = i32::MIN;

impl<'a> Pair<'a> {
    fn new(attribute: Attribute, id: &'a Text, value: &'a Text) -> Pair<'a> {
        let id = Keys::new(id);
        Pair { attribute, usual: vec![(NULL, UNSEEN); id.distinct()], id, value: Keys::new(value), others: HashMap::new() }
    }

    fn add(&mut self, row: usize, day: i32) {
        let (id, value) = (self.id.at(row), self.value.at(row));
        let Ok(at) = usize::try_from(id) else { return };
        let usual = &mut self.usual[at];
        if usual.1 == UNSEEN {
            *usual = (value, day);
        } else if usual.0 == value {
            usual.1 = usual.1.max(day);
        } else {
            let newest = self.others.entry((id, value)).or_insert(day);
            *newest = (*newest).max(day);
        }
    }

    fn add_to(&self, names: &mut Names) {
        let usual = (0i32..).zip(&self.usual).filter(|(_, (_, day))| *day != UNSEEN).map(|(id, (value, day))| (id, *value, *day));
        let others = self.others.iter().map(|((id, value), day)| (*id, *value, *day));
        for (id, value, day) in usual.chain(others) {
            let Some(shown) = self.id.value(id) else { continue };
            let Some(key) = id_key(shown) else { continue };
            let value = self.value.value(value).filter(|text| !text.is_empty()).map(|text| (day, text));
            names.add(self.attribute, &key, shown, value);
        }
    }
}

/// The names of one batch.
pub struct BatchNames<'a> {
    pairs: Vec<Pair<'a>>,
}

impl<'a> BatchNames<'a> {
    fn new(batch: &'a ChargeBatch) -> BatchNames<'a> {
        let n = &batch.names;
        let pairs = [
            (Attribute::CustomerName, &batch.customer_id, &n.customer_name),
            (Attribute::SubscriptionName, &batch.subscription_id, &n.subscription_name),
            (Attribute::SubscriptionCustomer, &batch.subscription_id, &batch.customer_id),
            (Attribute::SubscriptionPlan, &batch.subscription_id, &batch.plan_id),
            (Attribute::MeterName, &batch.meter_id, &n.meter_name),
            (Attribute::MeterCategory, &batch.meter_id, &n.meter_category),
            (Attribute::MeterSubCategory, &batch.meter_id, &n.meter_sub_category),
            (Attribute::MeterRegion, &batch.meter_id, &n.meter_region),
            (Attribute::MeterUnit, &batch.meter_id, &n.unit_of_measure),
            (Attribute::MeterProductName, &batch.meter_id, &n.product_name),
            (Attribute::PartnerName, &batch.partner_tenant_id, &n.partner_name),
            (Attribute::ResellerName, &batch.reseller_mpn_id, &n.reseller_name),
        ];
        BatchNames { pairs: pairs.into_iter().map(|(attribute, id, value)| Pair::new(attribute, id, value)).collect() }
    }

    /// What the accepted rows say, given with their days: column by column.
    pub fn of_rows(batch: &'a ChargeBatch, rows: &[u32], days: &[i32]) -> Names {
        let mut names = Names::default();
        for mut pair in BatchNames::new(batch).pairs {
            rows.iter().zip(days).for_each(|(row, day)| pair.add(*row as usize, *day));
            pair.add_to(&mut names);
        }
        names
    }
}
