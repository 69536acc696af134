"""Role assignments and Lighthouse registrations of the sample: who got what where, and in which lists it shows."""
from .world import DEFINITION, MG, PRINCIPAL, ROLE, guid, rg, sub

LIST_1 = "2026-09-10T02:00:00Z"      # complete list of everything
LIST_2 = "2026-10-05T02:00:00Z"      # the next one
LIST_AZ = "2026-09-01T00:00:00Z"     # `az role assignment list` of customer 21's subscription


def assignment(n, principal, role, scope, created_on, lists):
    return {"id": guid("6", n), "principal_id": PRINCIPAL[principal], "role": ROLE[role], "scope": scope,
            "created_on": created_on, "lists": lists}


# Number: (assignment, rows as they stand in the lists). Events on them are in audit.py.
ASSIGNMENTS = {a: assignment(a, *rest) for a, *rest in [
    (1, "contoso_admins", "Owner", sub(1), "2025-03-04T09:12:33.1234567Z", "12"),
    (2, "contoso_admins", "Contributor", rg(2, "rg-app"), "2025-06-01T07:00:00Z", "1"),
    (3, "contoso_admins", "Contributor", rg(2, "rg-app"), "2026-09-16T10:59:59Z", "2"),
    (4, "contoso_admins", "Contributor", rg(2, "rg-data") + "/providers/Microsoft.Sql/servers/sql2", "2026-09-04T13:19:59Z", "12"),
    (5, "contoso_admins", "Owner", sub(3), "2025-01-20T10:00:00Z", "1"),
    (6, "northwind_admins", "Contributor", sub(3), "2026-09-14T10:59:58Z", ""),
    (7, "northwind_robot", "Contributor", sub(3), "2026-09-28T14:59:59Z", "2"),
    (8, "contoso_helpdesk", "Reader", sub(4), "2025-02-11T08:30:00Z", "1"),
    (9, "contoso_admins", "Contributor", MG, "2025-04-01T00:00:00Z", "12"),
    (10, "contoso_helpdesk", "Reader", "/", "2025-04-01T00:00:00Z", "12"),
    (11, "customer_group", "Contributor", sub(9), "2026-01-15T12:00:00Z", "12"),
    (12, "contoso_admins", "Contributor", sub(10), "2026-02-02T02:02:02Z", "1"),
    (13, "contoso_admins", "Contributor", rg(10, "rg-nobody"), "2026-09-12T08:59:58Z", "2"),
    (14, "contoso_admins", "Contributor", sub(11), "2025-10-10T10:10:10Z", "12"),
    (15, "contoso_user", "Contributor", sub(12), "2024-11-05T15:00:00Z", "12"),
    (16, "contoso_admins", "Owner", sub(13), "2025-05-05T05:05:05Z", "12"),
    (17, "customer_owner", "Owner", sub(22), "2024-01-01T00:00:00Z", "12"),
    (18, "fabrikam_admins", "Owner", rg(21, "rg-core"), "2024-05-02T09:13:11.1234567Z", "a12"),
    (20, "fabrikam_admins", "Contributor", rg(21, "rg-edge"), "2026-09-20T23:59:57Z", "2"),
    (27, "stray", "Owner", sub(8), "2025-08-08T08:08:08Z", "12"),
    (28, "northwind_admins", "Contributor", sub(1), "2025-08-08T08:08:08Z", "12"),
    (29, "northwind_admins", "Owner", sub(14), "2025-12-24T18:00:00Z", "12"),
]}
# The same assignment 8 after its role was changed: the list shows the new role and the old creation.
CHANGED_8 = assignment(8, "contoso_helpdesk", "Contributor", sub(4), "2025-02-11T08:30:00Z", "2")

# Lighthouse: number: (scope, definition, created_on). One list only, at LIST_2.
REGISTRATIONS = {
    41: (sub(6), DEFINITION[1], "2026-09-08T11:59:57Z"),
    42: (rg(2, "rg-lh"), DEFINITION[9], "2026-09-15T06:59:58Z"),
    43: (rg(8, "rg-lh"), DEFINITION[2], "2026-04-01T00:00:00Z"),
}
