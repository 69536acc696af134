//! The rules of partner earned credit, and nothing else: no I/O, no clock, no threads, no data frames.
//!
//! Files in import order; a file uses only those above it (a test checks this):
//! `time` → `money` → `scope` → `rules` → `event` → `reference` → `charge` → `pairing` (records → events) →
//! `listing` (lists of assignments) → `interval` (events and lists → spans) → `access` (all intervals by scope) →
//! `role`, `party`, `product` (look-ups) → `coverage` (spans of a day → verdict) → `credit` (amounts) → `knowledge`.
//! Month end: `statement` (rows of the invoice) → `reconcile` (differences and their causes) → `ledger` (closed months).
//!
//! ```
//! use pecan_core::knowledge::{learn, Charge, Facts};
//! use pecan_core::charge::{Numbers, Outcome, Product};
//! use pecan_core::money::{parse_number, D22};
//! use pecan_core::rules::Rules;
//! use pecan_core::time::parse_day;
//!
//! // Nobody told us of any partner: the charge is kept, earns nothing, and says why.
//! let learned = learn(Facts::default(), Rules::default()).expect("consistent tables");
//! let number = |text| parse_number(text).map(|n| D22(n.value)).ok();
//! let charge = Charge {
//!     usage_date: parse_day("2026-09-01").expect("a date"),
//!     subscription_id: Some("11111111-1111-1111-1111-111111111111".into()),
//!     resource_group: None,
//!     resource_id: None,
//!     partner_tenant_id: None,
//!     reseller_mpn_id: None,
//!     product: Product { usage: true, ..Product::default() },
//!     numbers: Numbers { quantity: number("24"), list_unit_price: number("0.5"), exchange_rate: number("1"), ..Numbers::default() },
//! };
//! let line = learned.knowledge.decide(&charge).expect("amounts fit");
//! assert_eq!(line.outcome, Outcome::PartnerUnknown);
//! assert_eq!(line.amounts.list_cost.to_string(), "12");
//! assert_eq!(line.amounts.missed_billing.to_string(), "1.8");
//! ```
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used))]

pub mod time;
pub mod money;
pub mod scope;
pub mod rules;
pub mod event;
pub mod reference;
pub mod charge;
pub mod pairing;
pub mod listing;
pub mod interval;
pub mod access;
pub mod role;
pub mod party;
pub mod product;
pub mod coverage;
pub mod credit;
pub mod knowledge;
pub mod statement;
pub mod reconcile;
pub mod ledger;
