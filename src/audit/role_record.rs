//! A record of one of the four operations, as any format finds it → an [`AuditRecord`] or a reason why not.

use std::result::Result;

use pecan_core::charge::Reason;
use pecan_core::event::{Action, AuditRecord, Place, Space};
use pecan_core::time::RawInstant;

use super::content::{self, Texts};
use super::{Found, Refused};
use crate::columns::Fault;

/// The operations that give or take a role, in any case (data-contracts §1.2).
pub(super) fn operation(name: &str) -> Option<(Space, Action)> {
    let (object, verb) = name.trim().rsplit_once('/')?;
    let space = if object.eq_ignore_ascii_case("Microsoft.Authorization/roleAssignments") {
        Space::Role
    } else if object.eq_ignore_ascii_case("Microsoft.ManagedServices/registrationAssignments") {
        Space::Registration
    } else {
        return None;
    };
    if verb.eq_ignore_ascii_case("write") { Some((space, Action::Write)) } else { verb.eq_ignore_ascii_case("delete").then_some((space, Action::Delete)) }
}

/// Only these words prove an operation (details 19).
fn proves(status: &str) -> bool {
    let status = status.trim();
    status.eq_ignore_ascii_case("Success") || status.eq_ignore_ascii_case("Succeeded")
}

/// What a format found out about one record.
pub(super) struct RoleRecord<'a> {
    pub place: Place,
    pub operation: (Space, Action),
    /// `None`: the record has none.
    pub time: Result<Option<RawInstant>, Fault>,
    pub status: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
    pub event_data_id: Option<&'a str>,
    pub caller: Option<&'a str>,
    pub texts: Texts<'a>,
    /// Whether JSON around the texts could not be read.
    pub unreadable: bool,
    /// What the format calls the columns a rejection may name.
    pub names: Names,
}

/// What a format calls the columns a rejection may name.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub time: &'static str,
    pub authorization: &'static str,
    /// All places in which an assignment may be named, for the message.
    pub places: &'static str,
}

impl Found {
    /// Enters a record of the four operations: as a record, or as a rejection. Its time has been entered before.
    pub(super) fn role_record(&mut self, record: RoleRecord<'_>) {
        let content = content::read(record.operation.0, record.texts);
        self.count("unreadable_audit_json", u64::from(content.unreadable || record.unreadable));
        self.principal(&content);
        let trimmed = |text: Option<&str>| text.unwrap_or_default().trim().to_string();
        let event_data_id = trimmed(record.event_data_id);
        let missing = |message: String| Fault { value: String::new(), reason: Reason::Missing, message };
        let proves = record.status.is_some_and(proves);
        let time = match record.time {
            Ok(Some(_)) if proves && content.assignment_id.is_none() => {
                let message = format!("neither {} names an assignment: fetch the audit log again with these columns", record.names.places);
                Err((record.names.authorization, missing(message)))
            }
            Ok(Some(time)) => Ok(time),
            Ok(None) => Err((record.names.time, missing("a record of a role without its time: fetch the audit log again".into()))),
            Err(fault) => Err((record.names.time, fault)),
        };
        match time {
            Ok(time) => self.records.push(AuditRecord {
                place: record.place,
                time,
                space: record.operation.0,
                action: record.operation.1,
                proves,
                correlation_id: trimmed(record.correlation_id),
                event_data_id,
                assignment_id: content.assignment_id,
                path_scope: content.path_scope,
                body: content.body,
                caller: record.caller.filter(|c| !c.is_empty()).map(str::to_string),
            }),
            Err((column, fault)) => {
                self.refused.push(Refused { place: record.place, event_data_id, column, value: fault.value, reason: fault.reason, message: fault.message });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_operations_are_told_in_any_case() {
        assert_eq!(operation("Microsoft.Authorization/roleAssignments/write"), Some((Space::Role, Action::Write)));
        assert_eq!(operation("MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/DELETE"), Some((Space::Role, Action::Delete)));
        assert_eq!(operation("microsoft.managedservices/registrationassignments/Write"), Some((Space::Registration, Action::Write)));
        assert_eq!(operation(" Microsoft.ManagedServices/registrationAssignments/delete"), Some((Space::Registration, Action::Delete)));
        for other in [
            "",
            "write",
            "Microsoft.Authorization/roleAssignments/read",
            "Microsoft.Authorization/roleAssignments",
            "Microsoft.Authorization/policyAssignments/write",
            "Microsoft.Authorization/roleAssignments/write/x",
        ] {
            assert_eq!(operation(other), None, "{other}");
        }
    }

    #[test]
    fn only_success_proves() {
        for word in ["Success", "succeeded", " SUCCEEDED "] {
            assert!(proves(word));
        }
        for word in ["Start", "Started", "Accepted", "Failure", "Failed", ""] {
            assert!(!proves(word));
        }
    }
}
