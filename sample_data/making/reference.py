"""Reference tables: partners, principals, lists of assignments, roles, rates, products, management groups."""
from .access import ASSIGNMENTS, CHANGED_8, LIST_1, LIST_2, REGISTRATIONS
from .world import DEFINITION, METER, MG, MPN, PRINCIPAL, ROLE, SUB, TENANT, guid, sub

P = PRINCIPAL


def tables():
    """Name -> (columns, rows); None is null."""
    return {
        "partners": ("mpn_id organisation_id tenant_id agreement_from agreement_until", [
            (MPN["contoso"], "contoso", TENANT["contoso"], "2020-07-01", None),
            (MPN["northwind"], "northwind", TENANT["northwind"], "2021-01-01", None),
            (MPN["fabrikam"], "fabrikam", TENANT["fabrikam"], "2023-01-01", "2026-09-15"),
            (MPN["fabrikam"], "fabrikam", TENANT["fabrikam"], "2026-09-15", "2026-10-12T18:00:00Z")]),
        "principals": ("principal_id mpn_id channel linked_from linked_until", [
            (P["contoso_admins"], MPN["contoso"], "aobo", None, None),
            (P["contoso_helpdesk"], MPN["contoso"], "aobo", None, None),
            (P["contoso_user"], MPN["contoso"], "pal", "2026-09-05T00:00:00Z", None),
            (P["contoso_member"], MPN["contoso"], "pal", "2026-01-01", None),
            (P["contoso_lighthouse"], MPN["contoso"], "lighthouse", None, None),
            (P["contoso_auditors"], MPN["contoso"], "lighthouse", None, None),
            (P["northwind_admins"], MPN["northwind"], "aobo", None, None),
            (P["northwind_robot"], MPN["northwind"], "pal", "2026-01-01", "2026-10-03T12:00:00Z"),
            (P["fabrikam_admins"], MPN["fabrikam"], "aobo", None, None),
            (P["stray"], "4000001", "pal", None, None),                              # MPN id of no partner
            (P["customer_owner"], MPN["contoso"], "pal", "2026-09-20", "2026-09-10")]),   # inverted: rejection bad_span
        "group_members": ("group_id member_id member_from member_until", [
            (P["customer_group"], P["contoso_member"], "2026-09-12", "2026-10-10T00:00:00Z")]),
        "lighthouse_definitions": ("definition_id principal_id role_definition_id valid_from valid_until", [
            (DEFINITION[1], P["contoso_lighthouse"], ROLE["Contributor"], None, None),
            (DEFINITION[1], P["contoso_auditors"], ROLE["Reader"], None, None),
            (DEFINITION[1], P["contoso_lighthouse"], ROLE["Contributor"], None, None),    # identical rows are one
            (DEFINITION[2], P["contoso_lighthouse"], ROLE["Contributor"], "2026-09-10", "2026-10-01")]),
        "lighthouse_assignments": ("snapshot_at snapshot_scope id scope definition_id created_on", [
            (LIST_2, None, guid("8", r), scope, definition, created) for r, (scope, definition, created) in REGISTRATIONS.items()]),
        "roles": ("role_definition_id role_name earns valid_from valid_until", [
            (ROLE["Custom"], "Tailspin operations (custom)", "Yes", "2026-10-14", None)]),
        "rates": ("meter_id product_id rate valid_from valid_until", [
            (METER["free"][0].upper(), None, "0", None, None),
            (None, METER["mail"][1][:12].lower(), "10%", "2026-10-01", None),
            (METER["blob"][0], None, "15", None, None),                   # a meter row …
            (None, METER["blob"][1], "0.05", None, None),                 # … goes before a product row
            (METER["fn"][0], None, "0.12", "2026-09-01", "2026-11-01"),   # of several valid rows the lowest
            (METER["fn"][0], None, "0.125", None, None)]),
        "products": ("product_id meter_id kind valid_from valid_until", [
            (METER["third"][1][:12], None, "third_party", None, None),
            (None, METER["legacy"][0], "legacy", None, None)]),
        "management_groups": ("management_group_id subscription_id", [
            (MG, SUB[7]), ("/", SUB[8])]),
        "assignments": ("snapshot_at snapshot_scope id principal_id principal_type role_definition_id scope created_on", listed()),
    }


def listed():
    rows = [("2026-09-01T12:00:00Z", sub(5), "", None, None, None, None, None)]      # listed, and held nothing
    for number, stamp in (("1", LIST_1), ("2", LIST_2)):
        for a in [*ASSIGNMENTS.values(), CHANGED_8]:
            if number in a["lists"]:
                rows.append((stamp, None, f"{a['scope'].rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{a['id']}",
                             a["principal_id"], "Group", "/providers/Microsoft.Authorization/roleDefinitions/" + a["role"],
                             a["scope"], a["created_on"]))
    return rows


def az_list():
    """What `az role assignment list` prints for customer 21's subscription."""
    return [{"canDelegate": None, "condition": None, "createdBy": P["customer_owner"],
             "createdOn": a["created_on"].replace("Z", "+00:00"),
             "id": f"{a['scope']}/providers/Microsoft.Authorization/roleAssignments/{a['id']}", "name": a["id"],
             "principalId": a["principal_id"], "principalName": "AdminAgents", "principalType": "ForeignGroup",
             "roleDefinitionId": f"{sub(21)}/providers/Microsoft.Authorization/roleDefinitions/{a['role']}",
             "roleDefinitionName": "Owner", "scope": a["scope"], "type": "Microsoft.Authorization/roleAssignments"}
            for a in ASSIGNMENTS.values() if "a" in a["lists"]]


