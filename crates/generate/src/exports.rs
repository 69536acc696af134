//! The export runs: one a month, its rows cut into blocks, the blocks into files; and the manifests.

use std::fs;

use serde_json::{Value, json};

use crate::block::Block;
use crate::calendar::{self, Month, midnight};
use crate::error::{Error, Result};
use crate::options::{Format, Options};
use crate::ordered;
use crate::part::{Encoder, Part};
use crate::plan::Plan;
use crate::rows;
use crate::truth::Tally;
use crate::world::World;

/// Name of the export, and of its folder below `exports/`.
const EXPORT: &str = "pec-actual";
/// About how many rows a file has unless asked otherwise.
const FILE_ROWS: u64 = 1_000_000;

/// One file: its month, its number there from 0, and its last block.
struct Cut {
    month: usize,
    number: usize,
    last_block: usize,
}

/// Cuts all months into blocks and files.
fn layout(world: &World, options: &Options) -> (Vec<Block>, Vec<Cut>) {
    let (mut all, mut cuts) = (Vec::new(), Vec::new());
    let rows: Vec<u64> = world.months.iter().map(|month| rows_of(world, month)).collect();
    let files = files_of(&rows, options.files);
    for (m, month) in world.months.iter().enumerate() {
        let first = all.len();
        // Every file needs a block of its own.
        let most = u64::from(options.row_group_size).min(rows[m].div_ceil(files[m])).max(1);
        blocks(world, *month, most, &mut all);
        let count = all.len() - first;
        let files = (files[m] as usize).min(count);
        cuts.extend((0..files).map(|number| Cut { month: m, number, last_block: first + count * (number + 1) / files - 1 }));
    }
    (all, cuts)
}

/// Rows of a month: every slot on each of its days, and the last slot on the last days of all.
fn rows_of(world: &World, month: &Month) -> u64 {
    world.slots * month.days() + last_days(world, month).len() as u64
}

fn last_days(world: &World, month: &Month) -> std::ops::Range<i32> {
    let from = (world.until - world.last_days as i32).max(month.from);
    from..month.until.max(from)
}

/// Files of each month: at least one, the others by rows.
fn files_of(rows: &[u64], files: Option<u32>) -> Vec<u64> {
    let Some(files) = files else { return rows.iter().map(|rows| rows.div_ceil(FILE_ROWS).max(1)).collect() };
    let mut shares = vec![1u64; rows.len()];
    for _ in rows.len() as u64..u64::from(files) {
        // One more for the month whose files are largest.
        let largest = (0..rows.len()).max_by_key(|m| (rows[*m] / shares[*m], std::cmp::Reverse(*m)));
        largest.into_iter().for_each(|m| shares[m] += 1);
    }
    shares
}

/// Cuts a month into blocks of at most `most` rows: as many streams as fit with all days of the month.
fn blocks(world: &World, month: Month, most: u64, out: &mut Vec<Block>) {
    let days = month.days().min(most);
    let slots = (most / days).max(1);
    let spans: Vec<_> = (month.from..month.until).step_by(days as usize).map(|from| from..(from + days as i32).min(month.until)).collect();
    for first_slot in (0..world.slots).step_by(slots as usize) {
        let slots = slots.min(world.slots - first_slot);
        out.extend(spans.iter().map(|days| Block { month, first_slot, slots, days: days.clone() }));
    }
    let last = last_days(world, &month);
    if !last.is_empty() {
        out.push(Block { month, first_slot: world.slots, slots: 1, days: last });
    }
}

/// Writes `exports/`; tells `progress` the rows of each block. Gives the counts, and files and bytes.
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(world: &World, plan: &Plan, options: &Options, progress: &(dyn Fn(u64) + Sync)) -> Result<(Tally, u64, u64)> {
    let (blocks, cuts) = layout(world, options);
    let encoder = Encoder::new(options)?;
    let mut tally = Tally::new(plan.incidents.len());
    let mut blobs: Vec<Vec<Value>> = vec![Vec::new(); world.months.len()];
    let (mut next, mut open, mut written, mut all_bytes) = (cuts.iter().peekable(), None, 0, 0);
    let make = |n: usize| {
        let (sheet, tally) = rows::make(world, plan, &blocks[n], options.double);
        let rows = sheet.rows as u64;
        let piece = encoder.encode(sheet).map_err(Error::parquet(&options.folder))?;
        Ok((piece, tally, rows))
    };
    ordered::each(blocks.len(), options.threads, make, |n, (piece, of_block, rows)| {
        let Some(cut) = next.peek() else { return Ok(()) };
        let name = blob_name(world, options, cut);
        let mut part: Part = match open.take() {
            Some(part) => part,
            None => {
                let path = options.folder.join(&name);
                path.parent().map_or(Ok(()), fs::create_dir_all).map_err(Error::io(&path))?;
                Part::create(&path, &encoder)?
            }
        };
        part.append(piece)?;
        tally.add(&of_block);
        written += rows;
        progress(rows);
        if n == cut.last_block {
            let bytes = part.close()?;
            all_bytes += bytes;
            blobs[cut.month].push(json!({ "blobName": name, "byteCount": bytes, "dataRowCount": written }));
            written = 0;
            next.next();
        } else {
            open = Some(part);
        }
        Ok(())
    })?;
    for (m, blobs) in blobs.into_iter().enumerate() {
        let path = options.folder.join(folder(world, m)).join("manifest.json");
        fs::write(&path, format!("{:#}\n", manifest(world, options, m, blobs))).map_err(Error::io(&path))?;
    }
    Ok((tally, cuts.len() as u64, all_bytes))
}

fn run_id(world: &World, month: usize) -> String {
    world.dice.of("export run").guid(month as u64)
}

fn folder(world: &World, month: usize) -> String {
    let Month { first, last, .. } = world.months[month];
    format!("exports/{EXPORT}/{}-{}/{}", calendar::compact(first), calendar::compact(last), run_id(world, month))
}

fn blob_name(world: &World, options: &Options, cut: &Cut) -> String {
    let suffix = match options.format {
        Format::Parquet => "snappy.parquet",
        Format::Csv => "csv.gz",
    };
    format!("{}/part_{}_0001.{suffix}", folder(world, cut.month), cut.number)
}

fn manifest(world: &World, options: &Options, m: usize, blobs: Vec<Value>) -> Value {
    let month = world.months[m];
    // A month that is over was exported for the last time on the fifth day after it.
    let submitted = midnight(world.until.min(month.last + 5)) + 4 * 3600 + 1_800;
    let sum = |key: &str| blobs.iter().filter_map(|blob| blob[key].as_u64()).sum::<u64>();
    let account = world.dice.of("billing account");
    let (format, compression) = match options.format {
        Format::Parquet => ("Parquet", "Snappy"),
        Format::Csv => ("Csv", "GZip"),
    };
    json!({
        "manifestVersion": "2024-04-01",
        "byteCount": sum("byteCount"),
        "blobCount": blobs.len(),
        "dataRowCount": sum("dataRowCount"),
        "exportConfig": {
            "exportName": EXPORT,
            "resourceId": format!("/providers/Microsoft.Billing/billingAccounts/{}:{}_2019-05-31/providers/Microsoft.CostManagement/exports/{EXPORT}", account.guid(1), account.guid(2)),
            "dataVersion": "2023-12-01-preview",
            "apiVersion": "2023-07-01-preview",
            "type": "ActualCost",
            "timeFrame": "MonthToDate",
            "granularity": "Daily",
        },
        "deliveryConfig": {
            "partitionData": true,
            "dataOverwriteBehavior": "OverwritePreviousReport",
            "fileFormat": format,
            "compressionMode": compression,
            "rootFolderPath": "exports",
        },
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": calendar::long_stamp(submitted, account.at(m as u64)),
            "runId": run_id(world, m),
            "startDate": format!("{}T00:00:00", calendar::iso(month.first)),
            "endDate": format!("{}T00:00:00", calendar::iso(month.last.min(world.until - 1))),
        },
        "blobs": blobs,
    })
}
