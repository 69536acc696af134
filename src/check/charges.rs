//! The charges of a job, read and decided as a run would, with nothing kept but what `check` tells.

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::charge::{Evidence, Outcome, Reason};
use pecan_core::scope::id_key;

use super::About;
use super::cause::Misconfigurations;
use crate::answers::AccessTable;
use crate::decide::Decided;
use crate::decide::cells::{Daily, SumTooLarge, checked_sum};
use crate::decide::losses::{ByCurrency, Losses, Missed, is_loss, merge};
use crate::error::{Error, Result};
use crate::group::{Desk, GroupOutput, Reading, Settled};
use crate::job::Job;
use crate::keys::Keys;
use crate::known::Known;
use crate::progress::Progress;
use crate::rejection::Rejection;
use crate::source::{ChargeBatch, ChargeFile, ChargeGroup, ChargeReader};

/// Rejections that are told one by one.
const TOLD: usize = 20;

/// What the charge files of a job hold.
#[derive(Default)]
pub struct ChargeFacts {
    /// By name of the charges source.
    pub sources: BTreeMap<String, SourceFacts>,
    /// Rows of the files.
    pub read: u64,
    /// Credit lines they would give.
    pub credit_lines: u64,
    /// Rejections they would give.
    pub rejections: u64,
    /// Rejections by reason, file and column.
    pub rejected: BTreeMap<(Reason, String, Option<String>), u64>,
    /// The first of them.
    pub told: Vec<Rejection>,
    /// First and last usage day.
    pub days: Option<(i32, i32)>,
    /// Charges that rest on nothing, by subscription and billing currency.
    pub doubtful: BTreeMap<(Option<String>, Option<String>), Doubt>,
    /// Charges whose outcome was a matter of access, and those of them without any, by subscription.
    pub access: BTreeMap<String, (u64, u64)>,
    /// Subscriptions with charges, as the files first spell them.
    pub subscriptions: BTreeSet<String>,
    /// Charges of billed partners without an active agreement.
    pub agreement_inactive: ByCurrency,
    /// Charges that lost their credit for want of access, by likely cause.
    pub misconfigurations: Misconfigurations,
    /// Charges by tenant of a billed partner that the partners table does not know; empty: none given.
    pub tenants: BTreeMap<String, u64>,
    /// Charges by reseller of record that the partners table does not know.
    pub resellers: BTreeMap<String, u64>,
    /// Charges whose resource id lies in another subscription than the column says.
    pub mismatches: u64,
    /// Files with the same content, by content hash.
    pub twice: Vec<Vec<String>>,
    /// Subscription-days that several exports or folders hold: how many, by these.
    pub overlaps: BTreeMap<Vec<String>, u64>,
}

/// What one charges source holds.
#[derive(Default)]
pub struct SourceFacts {
    /// Files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
}

/// Charges that rest on no audit record and no list.
#[derive(Default)]
pub struct Doubt {
    /// Their usage days.
    pub days: BTreeSet<i32>,
    /// How many.
    pub charges: u64,
    /// What `covered` would have given, at 12 places.
    pub missed: i128,
}

/// Ids of a batch that the partners table does not know, with the number of charges.
#[derive(Default)]
struct Unknown {
    tenants: BTreeMap<String, u64>,
    resellers: BTreeMap<String, u64>,
}

/// Subscription-days by the exports and folders that hold them.
type Held = BTreeMap<(String, i32), BTreeSet<String>>;

/// Reads every file of every group. Without `known` files are decoded, not decided. A file in trouble is an error and the
/// next one is read.
pub fn read(job: &Job, groups: &[ChargeGroup], known: Option<&Known>, progress: &Progress, errors: &mut Vec<(About, Error)>) -> ChargeFacts {
    progress.expect(groups.iter().flat_map(|g| &g.files).map(|f| f.bytes).sum());
    let mut facts = ChargeFacts { twice: twice(groups), ..ChargeFacts::default() };
    let mut held = Held::new();
    let mut charges_errors = Vec::new();
    let access = known.map(|known| AccessTable::new(&known.knowledge)).transpose();
    match (known, access) {
        (Some(known), Ok(Some(access))) => {
            let desk = Desk { known, access: &access, carry: &job.output.carry, progress, losses: true };
            for group in groups {
                progress.stage(format!("checking {}", group.group_id));
                facts.decide_group(job, group, &desk, &mut held, &mut charges_errors);
            }
        }
        (_, access) => {
            charges_errors.extend(access.err());
            progress.stage("reading charges");
            groups.iter().for_each(|group| facts.decode_group(job, group, progress, &mut charges_errors));
        }
    }
    for exports in held.into_values().filter(|exports| exports.len() > 1) {
        *facts.overlaps.entry(exports.into_iter().collect()).or_default() += 1;
    }
    errors.extend(charges_errors.into_iter().map(|e| (About::Charges, e)));
    facts
}

impl ChargeFacts {
    fn decide_group(&mut self, job: &Job, group: &ChargeGroup, desk: &Desk, held: &mut Held, errors: &mut Vec<Error>) {
        let source = source_name(job, group);
        let reading = Reading::new(group, source, desk);
        let (mut output, mut losses) = (GroupOutput::default(), Losses::new());
        for file in &group.files {
            let look = |batch: &ChargeBatch, decided: &Decided| Ok((unknown(batch, decided, desk.known), decided.losses.clone()));
            let mut take = |settled: Settled<(Unknown, Losses)>| {
                merge(&mut losses, &settled.made.1).map_err(|e| e.error(&group.group_id))?;
                self.take(settled, &mut output, &group.group_id)
            };
            match reading.file(file, look, &mut take) {
                Ok(rows) => self.count_file(source, file, rows.read),
                Err(error) => errors.push(error),
            }
        }
        self.mismatches += output.subscription_mismatches;
        let judged = self.misconfigurations.add(&desk.known.knowledge, &losses).map_err(|e| e.error(&group.group_id));
        errors.extend(judged.and_then(|()| self.take_daily(&output.daily, base(&group.group_id), held).map_err(|e| e.error(&group.group_id))).err());
    }

    fn take(&mut self, settled: Settled<(Unknown, Losses)>, output: &mut GroupOutput, group: &str) -> Result<()> {
        self.credit_lines += settled.rows.lines;
        self.rejections += settled.rows.rejections;
        for rejection in settled.rejections {
            *self.rejected.entry((rejection.reason, rejection.file.clone(), rejection.column.clone())).or_default() += 1;
            if self.told.len() < TOLD {
                self.told.push(rejection);
            }
        }
        add(&mut self.tenants, settled.made.0.tenants);
        add(&mut self.resellers, settled.made.0.resellers);
        output.merge(settled.part, group)
    }

    fn take_daily(&mut self, daily: &Daily, export: &str, held: &mut Held) -> std::result::Result<(), SumTooLarge> {
        for cell in daily.iter() {
            let charges = u64::try_from(cell.sums.charges).unwrap_or(0);
            let (first, last) = self.days.unwrap_or((cell.day, cell.day));
            self.days = Some((first.min(cell.day), last.max(cell.day)));
            let subscription = cell.ids[1].map(str::to_owned);
            if let Some(id) = &subscription {
                held.entry((id.clone(), cell.day)).or_default().insert(export.to_owned());
                self.subscriptions.insert(id.clone());
                if is_loss(cell.outcome) || cell.outcome == Outcome::Covered {
                    let of_id = self.access.entry(id.clone()).or_default();
                    *of_id = (of_id.0 + charges, of_id.1 + if cell.outcome == Outcome::NoAccess { charges } else { 0 });
                }
            }
            if cell.outcome == Outcome::AgreementInactive {
                let missed = Missed { charges, credit: cell.sums.missed_billing };
                self.agreement_inactive.entry(cell.currencies[1].map(str::to_owned)).or_default().add(missed)?;
            }
            if cell.evidence == Evidence::BeforeFirstRecord {
                let doubt = self.doubtful.entry((subscription, cell.currencies[1].map(str::to_owned))).or_default();
                doubt.days.insert(cell.day);
                doubt.charges += charges;
                doubt.missed = checked_sum(doubt.missed, cell.sums.missed_billing)?;
            }
        }
        Ok(())
    }

    /// Opens and decodes the files, because without the tables nothing can be decided.
    fn decode_group(&mut self, job: &Job, group: &ChargeGroup, progress: &Progress, errors: &mut Vec<Error>) {
        for file in &group.files {
            match decode(file, &job.output.carry, progress) {
                Ok(rows) => self.count_file(source_name(job, group), file, rows),
                Err(error) => errors.push(error),
            }
        }
    }

    fn count_file(&mut self, source: &str, file: &ChargeFile, rows: u64) {
        self.read += rows;
        let facts = self.sources.entry(source.to_owned()).or_default();
        facts.files += 1;
        facts.bytes += file.bytes;
        facts.rows += rows;
    }
}

fn source_name<'a>(job: &'a Job, group: &ChargeGroup) -> &'a str {
    job.charges.get(group.source).map_or("", |source| source.name.as_str())
}

/// The export or folder of a group: its id without month and piece.
fn base(group_id: &str) -> &str {
    let whole = group_id.rsplit_once('#').map_or(group_id, |(whole, _)| whole);
    match whole.rsplit_once('/') {
        Some((export, month)) if export.contains('@') && month.bytes().all(|b| b.is_ascii_digit()) => export,
        _ => whole,
    }
}

fn decode(file: &ChargeFile, carry: &[String], progress: &Progress) -> Result<u64> {
    let mut progress = progress.file(file.bytes);
    let mut reader = ChargeReader::open(file, carry)?;
    let mut rows = 0;
    while let Some(batch) = reader.next()? {
        let more = batch.rows() as u64;
        rows += more;
        batch.decode()?;
        progress.reached(more, reader.bytes_done());
    }
    Ok(rows)
}

fn unknown(batch: &ChargeBatch, decided: &Decided, known: &Known) -> Unknown {
    let parties = &known.knowledge.parties;
    let rejected: BTreeSet<usize> = decided.rejected.iter().map(|(row, _)| *row).collect();
    let (tenant, reseller) = (Keys::new(&batch.partner_tenant_id), Keys::new(&batch.reseller_mpn_id));
    let tenants = tenant.each(Some(String::new()), |id| match id_key(id) {
        None => Some(String::new()),
        Some(id) => parties.billed_by_tenant(&id).is_none().then_some(id),
    });
    let resellers = reseller.each(None, |id| id_key(id).filter(|id| parties.organisation_by_mpn(id).is_none()));
    let mut unknown = Unknown::default();
    for row in (0..batch.rows).filter(|row| !rejected.contains(row)) {
        for (id, counts) in [(tenants.of(tenant.at(row)), &mut unknown.tenants), (resellers.of(reseller.at(row)), &mut unknown.resellers)] {
            if let Some(id) = id {
                match counts.get_mut(id) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(id.clone(), 1);
                    }
                }
            }
        }
    }
    unknown
}

fn add(sum: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (id, count) in more {
        *sum.entry(id).or_default() += count;
    }
}

/// Files of equal content.
fn twice(groups: &[ChargeGroup]) -> Vec<Vec<String>> {
    let mut by_hash: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in groups.iter().flat_map(|g| &g.files) {
        by_hash.entry(file.hash.as_str()).or_default().push(file.place.clone());
    }
    by_hash.into_values().filter(|places| places.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_pieces_of_one_export_are_one() {
        assert_eq!(base("contoso/pec@12345678/202609#2"), "contoso/pec@12345678");
        assert_eq!(base("archive/2026-09#1"), "archive/2026-09");
        assert_eq!(base("archive/#1"), "archive/");
        assert_eq!(base("archive/2026/09#1"), "archive/2026/09");
    }
}
