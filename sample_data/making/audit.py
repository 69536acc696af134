"""The AzureActivity table: role changes, rare among everything else that happens in Azure."""
import json
from datetime import datetime, timedelta

from .access import ASSIGNMENTS, REGISTRATIONS
from .world import PRINCIPAL, ROLE, SUB, guid, sub, vm

ROLE_OPERATION = "Microsoft.Authorization/roleAssignments/"
REGISTRATION_OPERATION = "Microsoft.ManagedServices/registrationAssignments/"


def nanos(text):
    """'09-16T11:00:00.1234567' of 2026 -> nanoseconds since 1970."""
    whole, _, part = text.partition(".")
    seconds = (datetime.fromisoformat("2026-" + whole) - datetime(1970, 1, 1)) // timedelta(seconds=1)
    return seconds * 10**9 + int(part.ljust(9, "0") or 0)


class Log:
    """Collects records; correlation and event ids are running numbers."""

    def __init__(self):
        self.rows, self.operations, self.events = [], 0, 0

    def operation(self):
        self.operations += 1
        return guid("0", self.operations)

    def add(self, when, operation, status, correlation, path, body=None, substatus="", event=None, upper=False):
        self.events += 1
        scope = path.upper() if upper else path
        properties = {"entity": scope, "message": operation, "eventCategory": "Administrative"}
        if body is not None:
            properties["requestbody"] = json.dumps(body)
        self.rows.append({
            "TimeGenerated": nanos(when), "OperationNameValue": operation.upper(), "ActivityStatusValue": status,
            "ActivitySubstatusValue": substatus, "CorrelationId": correlation, "EventDataId": event or guid("3", self.events),
            "_ResourceId": scope.lower(), "Authorization": None if upper else json.dumps({
                "action": operation, "scope": scope,
                # the caller's own right: never the new assignment (R-ACCESS-6)
                "evidence": {"role": "Owner", "roleAssignmentScope": "/", "principalId": PRINCIPAL["customer_owner"]}}),
            "Authorization_d": json.dumps({"action": operation, "scope": scope}) if upper else None,
            "Properties": json.dumps(properties), "Caller": "admin@contoso.example", "CategoryValue": "Administrative",
            "SubscriptionId": scope.split("/")[2].lower() if scope.lower().startswith("/subscriptions/") else None})

    def write(self, a, started, done, role=None, spoken="Success", upper=False):
        """Start with the request body, then success. Returns the operation for those who add more."""
        path, body = self.parts(a, role)
        operation = self.operation()
        self.add(started, ROLE_OPERATION + "write", "Start", operation, path, body, upper=upper)
        self.add(done, ROLE_OPERATION + "write", spoken, operation, path, substatus="Created", upper=upper)
        return operation

    def delete(self, a, done):
        operation = self.operation()
        self.add(done, ROLE_OPERATION + "delete", "Start", operation, self.parts(a)[0])
        self.add(done, ROLE_OPERATION + "delete", "Success", operation, self.parts(a)[0], substatus="OK")

    @staticmethod
    def parts(a, role=None):
        it = ASSIGNMENTS[a]
        path = it["scope"].rstrip("/") + "/providers/Microsoft.Authorization/roleAssignments/" + it["id"]
        definition = "/providers/Microsoft.Authorization/roleDefinitions/" + (ROLE[role] if role else it["role"])
        return path, {"Id": it["id"], "Properties": {"PrincipalId": it["principal_id"], "PrincipalType": "Group",
                                                     "RoleDefinitionId": definition, "Scope": it["scope"]}}

    def registration(self, r, verb, done, body=True):
        scope, definition, _ = REGISTRATIONS[r]
        path = f"{scope}/providers/Microsoft.ManagedServices/registrationAssignments/{guid('8', r)}"
        content = {"properties": {"registrationDefinitionId":
                                  f"{scope}/providers/Microsoft.ManagedServices/registrationDefinitions/{definition}"}}
        self.add(done, REGISTRATION_OPERATION + verb, "Success", self.operation(), path, content if body else None)


def role_changes(log):
    log.write(4, "09-04T13:19:58", "09-04T13:20:00", upper=True)           # delivered again, three seconds later: the later counts
    late = dict(log.rows[-1], TimeGenerated=nanos("09-04T13:20:03"))
    log.rows.append(late)
    log.registration(41, "write", "09-08T12:00:00")
    operation = log.operation()                                             # failed: changes nothing
    path = f"{sub(5)}/providers/Microsoft.Authorization/roleAssignments/{guid('6', 21)}"
    body = {"Id": guid("6", 21), "Properties": {"PrincipalId": PRINCIPAL["contoso_admins"], "PrincipalType": "Group",
                                                "RoleDefinitionId": ROLE["Owner"], "Scope": sub(5)}}
    log.add("09-11T10:00:00", ROLE_OPERATION + "write", "Start", operation, path, body)
    log.add("09-11T10:00:01", ROLE_OPERATION + "write", "Failure", operation, path, substatus="Forbidden")
    log.add("09-13T10:00:00", ROLE_OPERATION + "write", "Started", log.operation(), path, body)     # never finished
    log.add("09-12T09:00:00", ROLE_OPERATION + "write", "Success", log.operation(), log.parts(13)[0])   # body nowhere: rejection
    log.write(6, "09-14T10:59:57", "09-14T11:00:00")
    log.delete(5, "09-14T12:00:00")
    log.registration(42, "write", "09-15T07:00:00")
    log.delete(2, "09-16T10:00:00")                                         # one missing hour
    again = log.write(3, "09-16T10:59:58", "09-16T11:00:00", spoken="Succeeded")
    log.add("09-16T10:59:59", ROLE_OPERATION + "write", "Accepted", again, log.parts(3)[0])
    log.write(8, "09-18T09:29:58", "09-18T09:30:00", role="Contributor")    # Reader becomes Contributor
    unknown = f"{sub(5)}/providers/Microsoft.Authorization/roleAssignments/{guid('6', 23)}"
    log.add("09-19T08:00:00", ROLE_OPERATION + "delete", "Success", log.operation(), unknown)           # never seen: rejection
    log.write(20, "09-20T23:59:58", "09-20T23:59:59.9999995")               # rounds up to midnight
    clash = log.write(14, "09-25T13:59:58", "09-25T14:00:00", role="Contributor")
    path, body = log.parts(14, "Owner")                                     # same operation, another body: contradiction
    log.add("09-25T13:59:59", ROLE_OPERATION + "write", "Start", clash, path, body)
    log.delete(6, "09-28T15:00:00")                                         # relay: at this very instant …
    log.write(7, "09-28T14:59:58", "09-28T15:00:00")                        # … the robot takes over
    log.write(1, "10-02T07:59:59", "10-02T08:00:00")                        # same content again: no change
    log.delete(20, "10-06T00:00:00.0000004")                                # rounds down to midnight
    log.write(8, "10-08T16:44:58", "10-08T16:45:00", role="Custom")
    log.registration(41, "delete", "10-09T15:00:00", body=False)


def everything_else(log):
    """About 200 records of other operations; the first of them is the first record of the log."""
    kinds = ["Microsoft.Compute/virtualMachines/start/action", "Microsoft.Compute/virtualMachines/deallocate/action",
             "Microsoft.Storage/storageAccounts/listKeys/action", "Microsoft.Sql/servers/databases/write",
             "Microsoft.Authorization/policies/audit/action", "Microsoft.Authorization/roleDefinitions/write"]
    begin = datetime(2026, 9, 2, 8, 15)
    for k in range(200):
        when = begin + timedelta(minutes=331 * k)
        n = list(SUB)[k % len(SUB)]
        log.add(when.strftime("%m-%dT%H:%M:%S") + f".{k:07d}", kinds[k % len(kinds)], ["Start", "Success", "Failure"][k % 3],
                log.operation(), vm(n, "rg-main", f"vm-{n:02d}"))


def records():
    """(September, October): rows by time, then event id. Some records were delivered twice, also across files."""
    log = Log()
    role_changes(log)
    everything_else(log)
    rows = sorted(log.rows, key=lambda r: (r["TimeGenerated"], r["EventDataId"]))
    october = nanos("10-01T00:00:00")
    before, after = [r for r in rows if r["TimeGenerated"] < october], [r for r in rows if r["TimeGenerated"] >= october]
    twice = [r for r in before if r["OperationNameValue"].startswith(ROLE_OPERATION.upper())][4:9]
    return before + twice[:2], twice + after


