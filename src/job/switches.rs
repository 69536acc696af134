//! `[rules]`: every policy switch of `credit-rules.md`, all optional.

use pecan_core::rules::{CombineParties, CreditBase, MonthRules, RateSource, Rules, StatementRows};

use super::keys;
use super::reading::{Bound, Section};
use crate::error::Result;

/// R-DAY-3: no more than the whole day.
pub(super) const GAP_TOLERANCE_SECONDS: Bound = Bound { least: 0, most: 86_400 };
/// R-DAY-1: less than a day either way.
pub(super) const DAY_OFFSET_MINUTES: Bound = Bound { least: -1_439, most: 1_439 };

pub(super) const COMBINE_PARTIES: [(&str, CombineParties); 2] = [("each", CombineParties::Each), ("union", CombineParties::Union)];
pub(super) const UNKNOWN_ROLES: [(&str, bool); 2] = [("no", false), ("yes", true)];
pub(super) const RATE_SOURCE: [(&str, RateSource); 2] = [("table", RateSource::Table), ("statement", RateSource::Statement)];
pub(super) const CREDIT_BASE: [(&str, CreditBase); 2] = [("list", CreditBase::List), ("net", CreditBase::Net)];
pub(super) const STATEMENT_ROWS: [(&str, StatementRows); 2] = [("all", StatementRows::All), ("usage", StatementRows::Usage)];

/// The switches of month end: they change no credit line, so they are no part of [`describe`].
pub(super) fn month_rules(file: &Section<'_>) -> Result<MonthRules> {
    let default = MonthRules::default();
    let Some(section) = file.section("rules", keys::RULES)? else { return Ok(default) };
    Ok(MonthRules { statement_rows: section.word("statement_rows", &STATEMENT_ROWS)?.unwrap_or(default.statement_rows) })
}

pub(super) fn rules(file: &Section<'_>) -> Result<Rules> {
    let default = Rules::default();
    let Some(section) = file.section("rules", keys::RULES)? else { return Ok(default) };
    let tolerance = section.whole("gap_tolerance_seconds", GAP_TOLERANCE_SECONDS, i64::from(default.gap_tolerance_seconds))?;
    let offset = section.whole("day_offset_minutes", DAY_OFFSET_MINUTES, i64::from(default.day_offset_minutes))?;
    Ok(Rules {
        // Both fit: the bounds above are far inside 32 bits.
        gap_tolerance_seconds: u32::try_from(tolerance).unwrap_or(default.gap_tolerance_seconds),
        day_offset_minutes: i32::try_from(offset).unwrap_or(default.day_offset_minutes),
        combine_parties: section.word("combine_parties", &COMBINE_PARTIES)?.unwrap_or(default.combine_parties),
        unknown_roles: section.word("unknown_roles", &UNKNOWN_ROLES)?.unwrap_or(default.unknown_roles),
        inherit_management_groups: section.flag("inherit_management_groups", default.inherit_management_groups)?,
        rate_source: section.word("rate_source", &RATE_SOURCE)?.unwrap_or(default.rate_source),
        credit_base: section.word("credit_base", &CREDIT_BASE)?.unwrap_or(default.credit_base),
    })
}

/// One line per switch, in the order of the contract, in the job file's own words.
pub(super) fn describe(rules: &Rules) -> String {
    let word = |word: Option<&str>| word.unwrap_or_default().to_string();
    let lines = [
        ("gap_tolerance_seconds", rules.gap_tolerance_seconds.to_string()),
        ("day_offset_minutes", rules.day_offset_minutes.to_string()),
        ("combine_parties", word(word_of(&COMBINE_PARTIES, rules.combine_parties))),
        ("unknown_roles", word(word_of(&UNKNOWN_ROLES, rules.unknown_roles))),
        ("inherit_management_groups", rules.inherit_management_groups.to_string()),
        ("rate_source", word(word_of(&RATE_SOURCE, rules.rate_source))),
        ("credit_base", word(word_of(&CREDIT_BASE, rules.credit_base))),
    ];
    lines.iter().map(|(key, value)| format!("rules.{key}={value}\n")).collect()
}

/// The word that means this.
pub(super) fn word_of<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> Option<&'static str> {
    words.iter().find(|(_, m)| *m == meaning).map(|(word, _)| *word)
}
