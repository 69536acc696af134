//! The rules of partner earned credit.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used))]

pub mod time;
pub mod money;
pub mod scope;
pub mod rules;
pub mod event;
pub mod reference;
pub mod charge;
