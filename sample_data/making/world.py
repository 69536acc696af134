"""The literal world of the sample: companies, subscriptions, principals, roles, meters.

Companies are the placeholder names of Microsoft's documentation; callers are admin@contoso.example.
"""
from datetime import date, timedelta
from decimal import Decimal


def guid(kind, n):
    """A GUID that can be recognised by eye: guid('5', 1) is subscription 1."""
    return f"{kind * 8}-0000-4000-8000-{n:012d}"


# Organisations: tenant and MPN id.
TENANT = {"contoso": guid("c", 1), "fabrikam": guid("f", 1), "northwind": guid("e", 1), "nobody": guid("d", 404)}
MPN = {"contoso": "1000001", "fabrikam": "3000001", "northwind": "2000001", "unknown_reseller": "9999999"}

CUSTOMERS = {n: (guid("a", n), name) for n, name in {
    1: "Woodgrove Bank", 2: "Litware", 3: "Proseware", 4: "Tailspin Toys", 5: "Wingtip Toys", 6: "Adatum",
    7: "Margie's Travel", 8: "Blue Yonder Airlines", 9: "Humongous Insurance", 10: "Lucerne Publishing",
    11: "Fourth Coffee", 12: "Southridge Video", 13: "Coho Winery", 14: "Trey Research",
    21: "Wide World Importers", 22: "City Power & Light", 31: "Graphic Design Institute"}.items()}
SUB = {n: guid("5", n) for n in CUSTOMERS}


def sub(n):
    return f"/subscriptions/{SUB[n]}"


def rg(n, name):
    return f"{sub(n)}/resourceGroups/{name}"


def vm(n, group, name):
    return f"{rg(n, group)}/providers/Microsoft.Compute/virtualMachines/{name}"


# Principals. The name says organisation and kind.
PRINCIPAL = {name: guid("b", i + 1) for i, name in enumerate([
    "contoso_admins",       # AdminAgents group (AOBO), always linked
    "contoso_helpdesk",     # HelpdeskAgents group (AOBO), always linked
    "contoso_user",         # guest user, Partner Admin Link since 2026-09-05
    "contoso_member",       # user with PAL, member of customer_group for a time
    "contoso_lighthouse",   # operations group used by Lighthouse definitions
    "contoso_auditors",     # second authorization of definition 1, Reader
    "northwind_admins",     # reseller's AdminAgents group (AOBO)
    "northwind_robot",      # reseller's service principal, PAL until 2026-10-03 12:00
    "fabrikam_admins",      # AdminAgents group (AOBO)
    "customer_group",       # the customer's own group, not linked itself
    "customer_owner",       # the customer's own administrator, in no table
    "stray"])}              # linked to an MPN id that the partners table lacks

ROLE = {"Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Custom": guid("9", 1)}

MG = "/providers/Microsoft.Management/managementGroups/mg-landing"
DEFINITION = {n: guid("7", n) for n in (1, 2, 9)}    # 9 is in no definitions table

# meter: (meter id, ProductId of 16 characters, product name, category, unit, list unit price)
METER = {
    "vm": (guid("1", 1), "DZH318Z0VM010001", "Virtual Machines Dsv5 Series - D2s v5", "Virtual Machines", "1 Hour", "0.096"),
    "disk": (guid("1", 2), "DZH318Z0DK010002", "Premium SSD Managed Disks - P10 LRS", "Storage", "1/Month", "0.6566136986301369863014"),
    "blob": (guid("1", 3), "DZH318Z0BL010003", "Tiered Block Blob - Hot LRS", "Storage", "1 GB/Month", "0.0184"),
    "sql": (guid("1", 4), "DZH318Z0SQ010004", "SQL Database General Purpose - vCore", "SQL Database", "1 Hour", "0.2020833333333333333333"),
    "fn": (guid("1", 5), "DZH318Z0FN010005", "Functions - Executions", "Functions", "10", "0.000002"),
    "free": (guid("1", 6), "DZH318Z0FR010006", "Bandwidth - Free Tier Transfer", "Bandwidth", "1 GB", "0.087"),
    "spot": (guid("1", 7), "DZH318Z0SP010007", "Virtual Machines Dsv5 Series Spot - D2s v5", "Virtual Machines", "1 Hour", "0.0192"),
    "legacy": (guid("1", 8), "DZH318Z0LG010008", "Legacy Offer Cloud Service", "Cloud Services", "1 Hour", "0.08"),
    "third": (guid("1", 9), "DZH318Z0TP010009", "Third-Party Analytics - Units", "Analytics", "1 Unit", "1.25"),
    "market": (guid("1", 10), "DZH318Z0MK010010", "Marketplace Firewall", "SaaS", "1 Hour", "0.5"),
    "mail": (guid("1", 11), "DZH318Z0MA010011", "Communication - Email", "Communication", "1K", "0.25"),
}

SEPTEMBER = [date(2026, 9, 1) + timedelta(n) for n in range(30)]
OCTOBER = [date(2026, 10, 1) + timedelta(n) for n in range(18)]     # month to date, exported on the 18th
ALL_DAYS = SEPTEMBER + OCTOBER


def days(*text):
    """days('09-04', '10-18') -> dates of 2026."""
    return [date(2026, int(t[:2]), int(t[3:])) for t in text]


def every(n, *more):
    """Every n-th day, and the days on which something happens."""
    return sorted(set(ALL_DAYS[::n]) | set(days(*more)))


def quantity(base, day, salt):
    """A quantity that differs from day to day; exact, up to 12 places."""
    step = Decimal((day.toordinal() * 7 + salt * 13) % 101) / Decimal(1000)
    return (Decimal(base) * (1 + step)).normalize()
