//! Nothing was found: what was tried, and what lies close by (exit 3).

use std::collections::BTreeMap;

use pecan_core::scope::{Level, Scope, last_segment};
use pecan_core::time::Day;

use crate::error::Error;
use crate::job::{Job, Question};
use crate::rejection::Rejection;
use crate::source::ChargeGroup;

use super::clock::counted;

/// Characters of a subscription id.
const GUID: usize = 36;
/// Entries of every list of near misses.
const SHOWN: usize = 3;
/// Ids less alike than this are no misspelling.
const LEAST_ALIKE: f64 = 0.85;

/// What lies close to the scope and day asked about.
#[derive(Debug, Default)]
pub(super) struct Near {
    /// Charges of the same scope, by other day.
    days: BTreeMap<Day, u64>,
    /// Charges below the scope on the day, by scope as shown.
    below: BTreeMap<String, u64>,
    /// Charges below the scope on other days.
    below_on: BTreeMap<Day, u64>,
    /// The ids most alike, best first.
    alike: Vec<(f64, String)>,
}

impl Near {
    /// A charge of the same scope on another day.
    pub fn day(&mut self, day: Day) {
        *self.days.entry(day).or_default() += 1;
    }

    /// A charge below the scope.
    pub fn below(&mut self, shown: &str, day: Day, asked: Day) {
        if day == asked {
            *self.below.entry(shown.to_owned()).or_default() += 1;
        } else {
            *self.below_on.entry(day).or_default() += 1;
        }
    }

    /// Keeps the scope if it is spelled much like the one asked about. Names are compared first: ids of one
    /// subscription differ little as a whole.
    pub fn compare(&mut self, wanted: &Scope, scope: Option<&Scope>, shown: &str) {
        let Some(scope) = scope.filter(|scope| *scope != wanted) else { return };
        let (asked, seen) = (last_segment(wanted.key()), last_segment(scope.key()));
        let name = strsim::normalized_damerau_levenshtein(asked, seen);
        if name < 0.6 {
            return;
        }
        let whole = strsim::normalized_damerau_levenshtein(wanted.key(), scope.key());
        // The same name elsewhere is worth naming, however different the path.
        let alike = if asked == seen { whole.max(LEAST_ALIKE) } else { f64::midpoint(name, whole) };
        if whole >= LEAST_ALIKE || asked == seen {
            self.alike.push((alike, shown.to_owned()));
            self.keep_best();
        }
    }

    fn keep_best(&mut self) {
        self.alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.alike.dedup_by(|a, b| a.1.eq_ignore_ascii_case(&b.1));
        self.alike.truncate(SHOWN);
    }

    /// Takes in what lies near in another part of the inputs.
    pub fn merge(&mut self, other: Near) {
        for (day, n) in other.days {
            *self.days.entry(day).or_default() += n;
        }
        for (shown, n) in other.below {
            *self.below.entry(shown).or_default() += n;
        }
        for (day, n) in other.below_on {
            *self.below_on.entry(day).or_default() += n;
        }
        self.alike.extend(other.alike);
        self.keep_best();
    }

    /// What to say of a scope without charges on the day: what was seen, what to do next.
    fn hints(&self, day: Day) -> (String, String) {
        let mut seen = vec!["no charge at exactly this scope on this day".to_owned()];
        let mut next = Vec::new();
        if !self.below.is_empty() {
            let n = self.below.values().sum::<u64>();
            let few: Vec<&str> = self.below.keys().take(SHOWN).map(String::as_str).collect();
            let more = self.below.len().saturating_sub(few.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            seen.push(format!("{} below it: {}{more}", counted(n, "charge"), few.join(", ")));
            next.push("ask about one of the resources below it".to_owned());
        } else if !self.below_on.is_empty() {
            seen.push(format!("{} below it on {}", counted(self.below_on.values().sum(), "charge"), spoken_days(&self.below_on)));
            next.push(format!("ask about one of the resources below it, on a day like {}", nearest(&self.below_on, day).join(", ")));
        }
        if !self.days.is_empty() {
            let days = nearest(&self.days, day);
            seen.push(format!("it has charges on {}", spoken_days(&self.days)));
            next.push(format!("ask about the nearest of those days: {}", days.join(", ")));
        } else if let Some((_, best)) = self.alike.first().filter(|_| next.is_empty()) {
            seen.push(format!("spelled most alike: {}", self.alike.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(", ")));
            next.push(format!("did you mean --resource '{best}'?"));
        }
        if next.is_empty() {
            next.push("copy the resource id from the export, and check that the job reads the month of that day".to_owned());
        }
        (seen.join("; "), next.join("; or "))
    }
}

/// The days closest to one, in that order.
fn nearest(days: &BTreeMap<Day, u64>, day: Day) -> Vec<String> {
    let mut days: Vec<Day> = days.keys().copied().collect();
    days.sort_by_key(|d| (d.0.abs_diff(day.0), d.0));
    days.truncate(SHOWN);
    days.iter().map(Day::to_string).collect()
}

/// `2026-09-01`, `2 days`, or `30 days from 2026-09-01 to 2026-09-30`.
fn spoken_days(days: &BTreeMap<Day, u64>) -> String {
    match (days.keys().next(), days.keys().next_back()) {
        (Some(first), Some(last)) if days.len() > SHOWN => format!("{} days from {first} to {last}", days.len()),
        _ => days.keys().map(Day::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// No charge of the scope on the day.
pub(super) fn no_charge(day: Day, resource: &str, near: &Near, rejections: &[Rejection]) -> Error {
    let (mut seen, mut next) = near.hints(day);
    if let Some(first) = rejections.first() {
        let place = format!("{}:{}:{}", first.source.as_deref().unwrap_or_default(), first.file, first.row.unwrap_or(0));
        seen = format!("{}, and {} of it that cannot be read", seen, counted(rejections.len() as u64, "row"));
        next = format!("ask with --line '{place}' why it is a rejection");
    }
    Error::input("no_charges", "looking for the charges of a resource on a day", format!("--date {day} --resource {resource}"), seen, next)
}

/// The resource as a scope in a subscription; `None`: a name, not an ARM id.
pub(super) fn scope_of(resource: &str) -> Option<Scope> {
    let scope = Scope::parse(resource.trim());
    let guid = !resource.contains('/') && resource.len() == GUID && resource.matches('-').count() == 4;
    match scope.level() {
        Level::Subscription | Level::ResourceGroup | Level::Resource => Some(scope),
        _ => guid.then(|| Scope::subscription(resource)),
    }
}

/// Charges are compared by ARM id: a name alone is not enough, but says which ids may be meant.
pub(super) fn not_an_arm_id(day: Day, resource: &str, near: &Near) -> Error {
    let mut seen = "a name, not an ARM id inside a subscription".to_owned();
    let mut next = "give the ARM id as the export writes it: /subscriptions/ID/resourceGroups/NAME/providers/NAMESPACE/TYPE/NAME".to_owned();
    if let Some((_, best)) = near.alike.first() {
        seen = format!("{seen}; ids of such a name: {}", near.alike.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(", "));
        next = format!("give the whole ARM id, for example --resource '{best}'");
    }
    Error::input("not_an_arm_id", "reading what to explain", format!("--date {day} --resource {resource}"), seen, next)
}

/// No file or no row of that name and number.
pub(super) fn no_line(job: &Job, groups: &[ChargeGroup], question: &Question, rows_of: &[(String, u64)]) -> Error {
    let (source, file, row) = match question {
        Question::Line { source, file, row } => (source.as_deref(), file.as_str(), *row),
        Question::Day { resource, .. } => (None, resource.as_str(), 0),
    };
    let place = format!("--line {}{file}:{row}", source.map(|s| format!("{s}:")).unwrap_or_default());
    let tried = "looking for one charge row";
    if let Some((_, rows)) = rows_of.first() {
        return Error::input("no_such_row", tried, place, format!("the file has {}", counted(*rows, "row")), "count data records from 1, without the header");
    }
    let files = groups.iter().filter_map(|g| Some((job.charges.get(g.source)?.name.as_str(), &g.files)));
    let mut alike: Vec<(f64, String)> = Vec::new();
    for (name, files) in files {
        for known in files {
            let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
            let score = if last(&known.source_file) == last(file) { 1.0 } else { 0.0 } + strsim::normalized_damerau_levenshtein(&known.source_file, file);
            alike.push((score, format!("{name}:{}", known.source_file)));
        }
    }
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let few: Vec<&str> = alike.iter().take(SHOWN).map(|(_, name)| name.as_str()).collect();
    let seen = match source {
        Some(source) => format!("no charge file of that name in source {source:?}; closest: {}", few.join(", ")),
        None => format!("no charge file of that name; closest: {}", few.join(", ")),
    };
    Error::input("no_such_file", tried, place, seen, "name the file as source_file of fact_credit_line does; superseded export runs are not read")
}
