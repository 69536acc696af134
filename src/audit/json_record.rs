//! One record of a JSON log. Its keys are skimmed in one pass; only records of the four operations are looked into.
//!
//! | what | storage account | `az monitor activity-log list`, REST | table AzureActivity |
//! |---|---|---|---|
//! | time | `time` | `eventTimestamp` | `TimeGenerated` |
//! | operation | `operationName` | `operationName.value` | `OperationNameValue` |
//! | status | `resultType` | `status.value` | `ActivityStatusValue` |
//! | event data id | `properties.eventDataId`, mostly none | `eventDataId` | `EventDataId` |
//! | authorization | `identity.authorization` | `authorization` | `Authorization`, `Authorization_d` |
//! | caller | `identity.claims`: UPN, name, application id | `caller` | `Caller` |
//!
//! The first two are told apart by record: each key is looked for under both names.

use std::borrow::Cow;

use pecan_core::event::{Action, Place, Space};

use super::content::Texts;
use super::json_file::Reading;
use super::json_skim::{self as key, Skim, skim};
use super::json_split::ARRAYS;
use super::role_record::{Names, RoleRecord, operation};
use super::{Found, azure_activity};
use crate::columns;
use crate::error::{Error, Result};
use crate::json::{self, Object, Read};
use crate::store::InputFile;

/// Whose keys the records have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `activity-log-json`: storage account, `az`, REST.
    ActivityLog,
    /// `azure-activity`: columns of the table AzureActivity.
    AzureActivity,
}

const ACTIVITY_LOG: Names = Names { time: "time", authorization: "authorization", places: "authorization.scope, resourceId, properties.entity nor the body" };

/// What is wrong with a record.
pub(super) struct Wrong {
    /// Counted from 1, in the file or in a part of it.
    pub row: u64,
    pub seen: String,
    /// Whether it is its size.
    pub size: bool,
}

/// Which of the keys were there that every log has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    time: bool,
    operation: bool,
    /// Whether there is a record of the four operations.
    role: bool,
    /// Whether one of those has a status; without it nothing proves that a role was taken away.
    status: bool,
}

impl Seen {
    /// Seen here or there.
    pub(super) fn with(self, other: Seen) -> Seen {
        Seen { time: self.time || other.time, operation: self.operation || other.operation, role: self.role || other.role, status: self.status || other.status }
    }
}

impl Shape {
    /// Refuses a file in which no record has a time, none an operation, or no record of a role a status: it is another log, or
    /// none at all.
    pub(super) fn check(self, seen: Seen, file: &InputFile) -> Result<()> {
        let (format, time, operation, status) = match self {
            Shape::ActivityLog => ("activity-log-json", "`time` or `eventTimestamp`", "`operationName`", "`resultType` or `status`"),
            Shape::AzureActivity => (azure_activity::FORMAT, "`TimeGenerated`", "`OperationNameValue`", "`ActivityStatusValue`"),
        };
        let keys = [(seen.time, time), (seen.operation, operation), (seen.status || !seen.role, status)];
        let missing: Vec<&str> = keys.into_iter().filter(|(seen, _)| !seen).map(|(_, name)| name).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let tried = format!("reading the columns of a file ({format})");
        let seen = format!("no record with {}", missing.join(" or with "));
        Err(Error::input("column_missing", tried, &file.name, seen, "check that the file is of this format, and narrow the uri with a wildcard if it is not"))
    }
}

/// Reads one record, or all records of an object around an array of them, as event hubs write them line by line.
/// # Errors
/// What is wrong, with the row counted as in `found`.
pub(super) fn read(record: &str, reading: Reading, found: &mut Found, seen: &mut Seen) -> std::result::Result<(), Wrong> {
    let whole = skim(record).map_err(|seen| Wrong::at(found, seen))?;
    let Some(array) = whole.raw(key::RECORDS).or(whole.raw(key::VALUE)).filter(|raw| raw.starts_with('[')) else {
        one(&whole, reading, found, seen);
        return Ok(());
    };
    for element in json::elements(array).map_err(|e| Wrong::at(found, e.to_string()))? {
        one(&skim(element).map_err(|seen| Wrong::at(found, seen))?, reading, found, seen);
    }
    let goes_on = goes_on(record.as_bytes()).map_err(|seen| Wrong::at(found, seen))?;
    found.count("logs_that_go_on", u64::from(goes_on));
    Ok(())
}

/// Whether the object around an array of records says that it goes on elsewhere (REST `nextLink`).
/// # Errors
/// It is no object, has a key twice, or a second array that may hold records.
pub(super) fn goes_on(around: &[u8]) -> std::result::Result<bool, String> {
    let text = std::str::from_utf8(around).map_err(|e| e.to_string())?;
    skim(text)?;
    let object = match json::read(text) {
        Read::Object(object) => object,
        Read::Empty | Read::Unreadable => return Err("an object around the records that cannot be read".into()),
    };
    let arrays = ARRAYS.iter().flat_map(|key| object.raw(key)).filter(|raw| raw.starts_with('['));
    if arrays.count() > 1 {
        return Err("two arrays of records in one object".into());
    }
    Ok(object.text("nextLink").is_some())
}

/// Enters one record.
fn one(skim: &Skim<'_>, reading: Reading, found: &mut Found, seen: &mut Seen) {
    let (times, operations): (&[usize], &[usize]) = match reading.shape {
        Shape::ActivityLog => (&[key::TIME, key::EVENT_TIMESTAMP], &[key::OPERATION]),
        Shape::AzureActivity => (&[key::TIME_GENERATED], &[key::OPERATION_VALUE]),
    };
    (seen.time, seen.operation) = (seen.time || skim.has(times), seen.operation || skim.has(operations));
    found.rows += 1;
    let time = skim.text(times).map_or(Ok(None), |text| columns::instant(&text));
    if let Ok(Some(time)) = time {
        found.time(time);
    }
    let Some(operation) = skim.text(operations).and_then(|name| operation(&name)) else {
        found.passed_over += 1;
        found.count("unreadable_times_passed_over", u64::from(!matches!(time, Ok(Some(_)))));
        return;
    };
    seen.role = true;
    let place = Place { file: reading.index, row: found.rows };
    match reading.shape {
        Shape::ActivityLog => {
            seen.status |= skim.has(&[key::RESULT, key::STATUS]);
            activity_log(skim, place, operation, time, found);
        }
        Shape::AzureActivity => {
            seen.status |= skim.has(&[key::STATUS_VALUE]);
            table_row(skim, place, operation, time, found);
        }
    }
}

type Time = std::result::Result<Option<pecan_core::time::RawInstant>, columns::Fault>;

/// A row of the table AzureActivity.
fn table_row(skim: &Skim<'_>, place: Place, operation: (Space, Action), time: Time, found: &mut Found) {
    let text = |key| skim.text(&[key]);
    let resource = [key::OWN_RESOURCE_ID, key::RESOURCE_ID].map(text);
    found.role_record(RoleRecord {
        place,
        operation,
        time,
        status: text(key::STATUS_VALUE).as_deref(),
        correlation_id: text(key::CORRELATION_ID).as_deref(),
        event_data_id: text(key::EVENT_DATA_ID).as_deref(),
        caller: text(key::CALLER).as_deref(),
        texts: Texts {
            authorization: [key::AUTHORIZATION, key::AUTHORIZATION_D].map(|key| skim.raw(key)),
            resource: resource.each_ref().map(Option::as_deref),
            properties: [key::PROPERTIES, key::PROPERTIES_D].map(|key| skim.raw(key)),
        },
        unreadable: false,
        names: azure_activity::NAMES,
    });
}

/// A record of a storage account, of `az` or of the REST interface.
fn activity_log(skim: &Skim<'_>, place: Place, operation: (Space, Action), time: Time, found: &mut Found) {
    let identity = skim.raw(key::IDENTITY).map_or(Read::Empty, json::read);
    let unreadable = matches!(identity, Read::Unreadable);
    let identity = identity.object();
    let properties = skim.raw(key::PROPERTIES).and_then(|raw| json::read(raw).object());
    let inside = properties.as_ref().and_then(|p| p.object("eventProperties").object());
    let of_properties = |key: &str| properties.iter().chain(&inside).find_map(|p| p.text(key));
    let event_data_id = skim.text(&[key::EVENT_DATA_ID]).map(Cow::into_owned).or_else(|| of_properties("eventDataId"));
    let claims = identity.as_ref().and_then(|i| i.object("claims").object()).or_else(|| skim.raw(key::CLAIMS).and_then(|raw| json::read(raw).object()));
    let caller = skim.text(&[key::CALLER]).map(Cow::into_owned);
    let caller = caller.or_else(|| claims.as_ref().and_then(caller_of)).or_else(|| of_properties("caller"));
    let resource = skim.text(&[key::RESOURCE_ID]);
    let times = if skim.has(&[key::TIME]) { ACTIVITY_LOG.time } else { "eventTimestamp" };
    found.role_record(RoleRecord {
        place,
        operation,
        time,
        status: skim.text(&[key::RESULT, key::STATUS]).as_deref(),
        correlation_id: skim.text(&[key::CORRELATION_ID]).as_deref(),
        event_data_id: event_data_id.as_deref(),
        caller: caller.as_deref(),
        texts: Texts {
            authorization: [identity.as_ref().and_then(|i| i.raw("authorization").next()), skim.raw(key::AUTHORIZATION)],
            resource: [resource.as_deref(), None],
            properties: [skim.raw(key::PROPERTIES), None],
        },
        unreadable,
        names: Names { time: times, ..ACTIVITY_LOG },
    });
}

/// Who a token says its bearer is: people by UPN or name, applications by their ids.
fn caller_of(claims: &Object) -> Option<String> {
    let keys = [
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "upn",
        "appid",
        "http://schemas.microsoft.com/identity/claims/objectidentifier",
    ];
    keys.into_iter().find_map(|key| claims.text(key))
}
