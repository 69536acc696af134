//! The audit log as Parquet files with the columns of the Log Analytics table AzureActivity, one a month.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::activity::{self, Record};
use crate::calendar::{self, DAY};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::Plan;
use crate::world::World;

/// Bursts that are held in memory at a time.
const BATCH: usize = 500;
/// Records of a role at the foot of a month that are delivered again with the next one.
const AGAIN: usize = 3;

/// Writes `activity/<yyyy-mm>.parquet`.
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let folder = options.folder.join("activity");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let roles = activity::role_changes(world, plan);
    let bursts = activity::bursts(options);
    let until = world.log_until().div_euclid(DAY) as i32 + 1;
    let mut again: Vec<Record> = Vec::new();
    for month in calendar::months(world.log_from().div_euclid(DAY) as i32, until) {
        let span = calendar::midnight(month.from)..calendar::midnight(month.until);
        let inside = |record: &&Record| span.contains(&record.time.0);
        let mut log = Log::create(folder.join(format!("{}.parquet", month.name())), world)?;
        let roles: Vec<Record> = roles.iter().filter(inside).cloned().collect();
        log.write(&again)?;
        // Every fifth record of a role was delivered twice, and so were the last ones of a month with the next month's.
        let twice = roles.iter().enumerate().filter(|(n, _)| n % 5 == 2).map(|(_, record)| record.clone());
        let mut waiting: Vec<Record> = roles.iter().cloned().chain(twice).collect();
        again = roles.iter().rev().take(AGAIN).rev().cloned().collect();
        waiting.sort_by(|a, b| (a.time, &a.event).cmp(&(b.time, &b.event)));
        let here: Vec<u64> = (0..bursts).filter(|b| span.contains(&activity::burst_at(world, *b, bursts))).collect();
        for some in here.chunks(BATCH) {
            let mut records: Vec<Record> = some.iter().flat_map(|b| activity::burst(world, *b, bursts)).collect();
            let newest = records.iter().map(|r| r.time).max().unwrap_or_default();
            let ready = waiting.partition_point(|record| record.time <= newest);
            records.extend(waiting.drain(..ready));
            records.sort_by(|a, b| (a.time, &a.event).cmp(&(b.time, &b.event)));
            log.write(&records)?;
        }
        if span.contains(&world.log_until()) {
            waiting.push(activity::last(world));
        }
        log.write(&waiting)?;
        log.close()?;
    }
    Ok(())
}

/// One file.
struct Log<'a> {
    path: PathBuf,
    world: &'a World,
    writer: ArrowWriter<File>,
}

impl Log<'_> {
    fn create(path: PathBuf, world: &World) -> Result<Log<'_>> {
        let file = File::create(&path).map_err(Error::io(&path))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("pecan generate".into()).build();
        let schema = batch(world, &[]).map_err(Error::parquet(&path))?.schema();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(Error::parquet(&path))?;
        Ok(Log { path, world, writer })
    }

    fn write(&mut self, records: &[Record]) -> Result<()> {
        let batch = batch(self.world, records).map_err(Error::parquet(&self.path))?;
        self.writer.write(&batch).map_err(Error::parquet(&self.path))
    }

    fn close(self) -> Result<()> {
        let path: &Path = &self.path;
        self.writer.close().map(drop).map_err(Error::parquet(path))
    }
}

fn batch(world: &World, records: &[Record]) -> parquet::errors::Result<RecordBatch> {
    let nanos = |record: &Record| record.time.0 * 1_000_000_000 + record.time.1 as i64 * 100;
    let times = || TimestampNanosecondArray::from_iter_values(records.iter().map(nanos)).with_timezone("UTC");
    let submitted = TimestampNanosecondArray::from_iter_values(records.iter().map(|r| nanos(r) + 97_000_000_000)).with_timezone("UTC");
    let text = |of: &dyn Fn(&Record) -> Option<String>| Arc::new(StringArray::from_iter(records.iter().map(of))) as ArrayRef;
    // The table has Authorization as text in older records and as a dynamic column in newer ones; operations in any case.
    let is_old = |r: &Record| r.subscription.is_multiple_of(2);
    let operation = |r: &Record| if is_old(r) { r.operation.to_uppercase() } else { r.operation.to_string() };
    let provider = |r: &Record| r.operation.split('/').next().unwrap_or_default().to_uppercase();
    let group = |r: &Record| r.path.split('/').nth(4).map(str::to_string);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("TimeGenerated", Arc::new(times())),
        ("OperationNameValue", text(&|r| Some(operation(r)))),
        ("ActivityStatusValue", text(&|r| Some(r.status.into()))),
        ("ActivitySubstatusValue", text(&|r| Some(r.substatus.into()))),
        ("CorrelationId", text(&|r| Some(r.correlation.clone()))),
        ("EventDataId", text(&|r| Some(r.event.clone()))),
        ("_ResourceId", text(&|r| Some(r.path.to_lowercase()))),
        ("Authorization", text(&|r| is_old(r).then(|| r.authorization().to_string()))),
        ("Authorization_d", text(&|r| (!is_old(r)).then(|| r.authorization().to_string()))),
        ("Properties", text(&|r| Some(r.properties("requestbody").to_string()))),
        ("Caller", text(&|r| Some(r.caller.clone()))),
        ("CallerIpAddress", text(&|_| Some("203.0.113.7".into()))),
        ("CategoryValue", text(&|_| Some("Administrative".into()))),
        ("Level", text(&|r| Some(if r.status == "Failure" { "Error" } else { "Information" }.into()))),
        ("ResourceGroup", text(&group)),
        ("ResourceProviderValue", text(&|r| Some(provider(r)))),
        ("SubscriptionId", text(&|r| Some(world.subscriptions[r.subscription].id.clone()))),
        ("EventSubmissionTimestamp", Arc::new(submitted)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).map_err(Into::into)
}
