//! What the charges say of the parties: who is billed, who resells, which subscriptions, which days.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::{Array, ArrayRef};
use pecan_core::scope::id_key;
use pecan_core::time::Day;

use crate::columns::{self, Kind, Text};
use crate::error::Result;
use crate::job::ChargeSource;
use crate::progress::Progress;
use crate::source::{self, ChargeFile};
use crate::store::InputFile;
use crate::table_file::{Batch, Need, Wanted, cell_text, each_batch};

/// Bytes of charge files that are read; the parties show in far fewer.
const ENOUGH_BYTES: u64 = 1 << 30;

const WANTED: [Wanted; 7] = [
    Wanted::new("date", Kind::Day).need(Need::Optional),
    optional("partnerTenantId"),
    optional("partnerName"),
    optional("resellerMpnId"),
    optional("resellerName"),
    optional("SubscriptionId"),
    optional("customerTenantId"),
];

const fn optional(name: &'static str) -> Wanted {
    Wanted::new(name, Kind::Text).need(Need::Optional)
}

/// The parties and days of some charges.
#[derive(Debug, Default)]
pub(super) struct ChargeFacts {
    /// Rows read.
    pub rows: u64,
    /// Files not read, because enough were.
    pub unread: u64,
    /// Files that cannot be read, and why.
    pub unreadable: Vec<(String, String)>,
    /// First and last usage day.
    pub days: Option<(i32, i32)>,
    /// Tenants of billed partners, lower case, with their names.
    pub billed: BTreeMap<String, String>,
    /// MPN ids of resellers of record, with their names.
    pub resellers: BTreeMap<String, String>,
    /// Lower case.
    pub subscriptions: BTreeSet<String>,
    /// Customers' tenants, lower case.
    pub customers: BTreeSet<String>,
}

impl ChargeFacts {
    /// Reads the sources as a run would find their files.
    /// # Errors
    /// As [`source::locate`].
    pub fn read(sources: &[ChargeSource], progress: &Progress) -> Result<ChargeFacts> {
        let mut facts = ChargeFacts::default();
        let mut left = ENOUGH_BYTES;
        for (index, charges) in sources.iter().enumerate() {
            for file in source::locate(index, charges)?.groups.into_iter().flat_map(|group| group.files) {
                if left == 0 {
                    facts.unread += 1;
                    continue;
                }
                left = left.saturating_sub(file.bytes);
                progress.stage(format!("looking at {}", file.place));
                // One damaged file must not keep the rest from being seen; `check` will say all about it.
                if let Err(error) = facts.file(&file) {
                    facts.unreadable.push((file.place, format!("cannot be read: {}", error.trouble().seen)));
                }
            }
        }
        Ok(facts)
    }

    /// First and last usage day as dates.
    pub fn dates(&self) -> Option<(String, String)> {
        let shown = |day: i32| Day(day).date().map(|date| date.to_string());
        self.days.and_then(|(first, last)| Some((shown(first)?, shown(last)?)))
    }

    fn file(&mut self, file: &ChargeFile) -> Result<()> {
        let input = InputFile { at: file.at.clone(), name: file.place.clone(), relative: file.place.clone(), bytes: file.bytes };
        each_batch(&input, source::FORMAT, &WANTED, &mut |batch| self.batch(&batch))
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        self.rows += batch.rows as u64;
        let column = |at: usize| batch.columns.get(at).and_then(Option::as_ref);
        if let Some(dates) = column(0) {
            let days = columns::days(dates);
            for day in (0..batch.rows).filter_map(|row| days.get(row)) {
                let (first, last) = self.days.unwrap_or((day, day));
                self.days = Some((first.min(day), last.max(day)));
            }
        }
        named(column(1), column(2), &mut self.billed)?;
        named(column(3), column(4), &mut self.resellers)?;
        let mut nameless = BTreeMap::new();
        named(column(5), None, &mut nameless)?;
        self.subscriptions.extend(std::mem::take(&mut nameless).into_keys());
        named(column(6), None, &mut nameless)?;
        self.customers.extend(nameless.into_keys());
        Ok(())
    }
}

/// The distinct ids of a column with the first name beside each.
fn named(ids: Option<&ArrayRef>, names: Option<&ArrayRef>, known: &mut BTreeMap<String, String>) -> Result<()> {
    let Some(ids) = ids else { return Ok(()) };
    let ids = columns::text(ids)?;
    let names = names.map(columns::text).transpose()?;
    let mut seen: HashSet<Option<i32>> = HashSet::new();
    for row in 0..ids.len() {
        let key = ids.keys().is_valid(row).then(|| ids.keys().value(row));
        if !seen.insert(key) {
            continue;
        }
        if let Some(id) = text(&ids, row).and_then(|id| id_key(&id)) {
            let name = names.as_ref().and_then(|names| text(names, row)).unwrap_or_default();
            known.entry(id).or_insert(name);
        }
    }
    Ok(())
}

fn text(column: &Text, row: usize) -> Option<String> {
    cell_text(column, row).map(str::trim).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("null")).map(str::to_string)
}
