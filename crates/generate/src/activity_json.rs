//! The audit log as a diagnostic setting writes it into a storage account: one file an hour and subscription, JSON Lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::activity::{self, Record};
use crate::calendar;
use crate::error::{Error, Result};
use crate::ids::tenant;
use crate::names::PROVIDER;
use crate::options::Options;
use crate::plan::Plan;
use crate::world::World;

/// Writes `activity/insights-activity-logs/…/PT1H.json`. All records are in memory: there are at most some ten thousand.
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let bursts = activity::bursts(options);
    let mut records = activity::role_changes(world, plan);
    records.extend((0..bursts).flat_map(|burst| activity::burst(world, burst, bursts)));
    records.push(activity::last(world));
    records.sort_by(|a, b| (a.time, &a.event).cmp(&(b.time, &b.event)));
    let mut files: BTreeMap<(usize, i64), Vec<&Record>> = BTreeMap::new();
    for record in &records {
        files.entry((record.subscription, record.time.0.div_euclid(3600))).or_default().push(record);
    }
    for ((subscription, hour), records) in files {
        let day = calendar::date((hour.div_euclid(24)) as i32);
        let folder = options.folder.join(format!(
            "activity/insights-activity-logs/resourceId=/SUBSCRIPTIONS/{}/y={:04}/m={:02}/d={:02}/h={:02}/m=00",
            world.subscriptions[subscription].id.to_uppercase(),
            day.year(),
            day.month(),
            day.day(),
            hour.rem_euclid(24),
        ));
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let path = folder.join("PT1H.json");
        let mut lines = Vec::new();
        for record in records {
            writeln!(lines, "{}", line(world, record)).map_err(Error::io(&path))?;
        }
        fs::write(&path, lines).map_err(Error::io(&path))?;
    }
    Ok(())
}

fn line(world: &World, record: &Record) -> Value {
    let (kind, signature) = match record.status {
        "Start" => ("Start", "Started.".to_string()),
        "Accept" | "Accepted" => ("Accept", format!("Accepted.{}", record.substatus)),
        "Failure" => ("Failure", format!("Failed.{}", record.substatus)),
        _ => ("Success", format!("Succeeded.{}", record.substatus)),
    };
    json!({
        "RoleLocation": "West Europe",
        "Stamp": "PROD_MWH",
        "ReleaseVersion": "6.2026.40.2",
        "time": calendar::long_stamp(record.time.0, record.time.1),
        "resourceId": record.path.to_uppercase(),
        "operationName": record.operation.to_uppercase(),
        "category": "Administrative",
        "resultType": kind,
        "resultSignature": signature,
        "durationMs": "0",
        "callerIpAddress": "203.0.113.7",
        "correlationId": record.correlation,
        "identity": {
            "authorization": record.authorization(),
            "claims": {
                "aud": "https://management.core.windows.net/",
                "iss": format!("https://sts.windows.net/{}/", tenant(world, &PROVIDER)),
                "name": record.caller,
                "http://schemas.microsoft.com/identity/claims/objectidentifier": record.actor,
            },
        },
        "level": if record.status == "Failure" { "Error" } else { "Information" },
        // Some resource providers write the key one way, some the other.
        "properties": record.properties(if record.subscription.is_multiple_of(2) { "requestbody" } else { "requestBody" }),
        "tenantId": tenant(world, &PROVIDER),
    })
}
