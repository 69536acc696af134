//! `PriceAdjustmentDescription`: a text that holds an array of texts, each an adjustment of the unit price.
//!
//! | as found in Microsoft's documentation | means |
//! |---|---|
//! | empty, `[]` | nothing |
//! | `["15.0% Partner earned credit for services managed"]` | credit of 0.15 |
//! | `["100.0% Tier 1 Discount"]`, `100% Tier 1 discount` | another adjustment |
//! | `["Price for given term","You are getting a discount for being a partner."]` | two others, without percentage |
//! | `["15,0 % …"]` (translated pages) | the percentage is read, the words are not known: another adjustment |

use crate::charge::Reason;
use crate::money::{D22, NumberFault, ONE, parse_rate};

/// One reason why the unit price was adjusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// As written, without quotes.
    pub text: String,
    /// The percentage it begins with, as a fraction.
    pub rate: Option<D22>,
    /// Whether it is the partner earned credit.
    pub credit: bool,
}

/// Reads the text array. Words are compared without case and in English only: what is not known is no credit.
/// # Errors
/// `UnknownWord` for an array that does not close, `OutOfRange` for a credit outside 0 % to 100 %.
pub fn parse_adjustments(text: &str) -> Result<Vec<Adjustment>, Reason> {
    let text = text.trim();
    let inner = match (text.strip_prefix('['), text.ends_with(']')) {
        (Some(rest), true) => rest.strip_suffix(']').unwrap_or(rest),
        (None, false) => text,
        _ => return Err(Reason::UnknownWord),
    };
    // JSON inside JSON escapes the quotes, CSV inside CSV doubles them.
    let mut plain = inner.trim().replace("\\\"", "\"");
    let doubled = plain.strip_prefix("\"\"").is_some_and(|rest| rest.starts_with(|c: char| !matches!(c, ',' | '"') && !c.is_whitespace()));
    if doubled {
        plain = plain.replace("\"\"", "\"");
    }
    let entries = if plain.contains('"') { quoted(&plain)? } else { bare(&plain) };
    entries.into_iter().map(|entry| adjustment(&entry)).collect()
}

/// The texts between pairs of quotes; between pairs only commas and blanks may stand.
fn quoted(text: &str) -> Result<Vec<String>, Reason> {
    let parts: Vec<&str> = text.split('"').collect();
    let between = |part: &&str| part.trim().chars().all(|c| c == ',' || c.is_whitespace());
    if parts.len().is_multiple_of(2) || !parts.iter().step_by(2).all(between) {
        return Err(Reason::UnknownWord);
    }
    Ok(parts.iter().skip(1).step_by(2).map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect())
}

/// Texts without quotes: separated by a comma and a blank, so that a decimal comma separates nothing.
fn bare(text: &str) -> Vec<String> {
    text.split(", ").flat_map(|part| part.split(';')).map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
}

fn adjustment(text: &str) -> Result<Adjustment, Reason> {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let credit = words.contains("partner earned credit");
    let rate = match text.split_once('%').map(|(number, _)| number.trim().replace(',', ".")) {
        None => None,
        Some(number) => match parse_rate(&format!("{number}%")) {
            Ok(rate) if (0..=ONE.0).contains(&rate.value) => Some(D22(rate.value)),
            Err(NumberFault::OutOfRange) if credit => return Err(Reason::OutOfRange),
            _ => None,
        },
    };
    Ok(Adjustment { text: text.to_owned(), rate, credit })
}
