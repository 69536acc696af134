"""Charges: which resource was used on which day, and what Microsoft states about it."""
from datetime import date
from decimal import Decimal, localcontext

from .world import (ALL_DAYS, CUSTOMERS, METER, MPN, SUB, TENANT, days, every, quantity, rg, vm)

EUR = ["0.8462026661234567890123", "0.9123456789", "0.92", "0.905000000000001"]
MONTH = {9: (date(2026, 9, 1), date(2026, 9, 30)), 10: (date(2026, 10, 1), date(2026, 10, 31))}


def charge(n, day, meter, base, resource=None, group=None, salt=0, applied=True, **other):
    """One usage row of customer n, with the columns of an MPA export. `other` overrides columns."""
    meter_id, product, name, category, unit, price = METER[meter]
    rate = Decimal("0.15") if applied else Decimal(0)
    q, p = other.get("quantity", quantity(base, day, salt)), Decimal(price)
    with localcontext() as exact:
        exact.prec = 90
        effective = p * (1 - rate)
        net = None if q is None else (q * effective).quantize(Decimal(1).scaleb(-24))
        row = {
            "date": day, "billingPeriodStartDate": MONTH[day.month][0], "billingPeriodEndDate": MONTH[day.month][1],
            "invoiceId": "G000900001" if day.month == 9 else None,
            "SubscriptionId": SUB[n], "subscriptionName": f"{CUSTOMERS[n][1]} subscription", "productOrderId": f"plan-{n:03d}",
            "customerTenantId": CUSTOMERS[n][0], "customerName": CUSTOMERS[n][1],
            "partnerTenantId": TENANT["contoso"], "partnerName": "Contoso", "resellerMpnId": None, "resellerName": None,
            "resourceGroupName": group, "ResourceId": resource, "meterId": meter_id, "meterName": name.split(" - ")[-1],
            "meterCategory": category, "meterSubCategory": name.split(" - ")[0], "meterRegion": "EU West",
            "ProductId": product, "ProductName": name, "unitOfMeasure": unit, "quantity": q, "PayGPrice": p,
            "effectivePrice": effective, "costInPricingCurrency": net, "pricingCurrency": "USD", "billingCurrency": "USD",
            "exchangeRatePricingToBilling": Decimal(1), "chargeType": "Usage", "pricingModel": "OnDemand",
            "publisherType": "Azure", "benefitId": None, "reservationId": None,
            "partnerEarnedCreditApplied": applied, "partnerEarnedCreditRate": rate,
            "tags": f'{{"customer": "{n:02d}", "env": "prod"}}' if n % 3 else None,
        }
    row.update(other)
    return row


def northwind(row):
    return row | {"resellerMpnId": MPN["northwind"], "resellerName": "Northwind"}


def in_euro(row, k):
    return row | {"billingCurrency": "EUR", "exchangeRatePricingToBilling": Decimal(EUR[k % len(EUR)])}


def woodgrove():
    """Customer 1: access never fails, so everything but access can be seen."""
    for day in ALL_DAYS:
        yield charge(1, day, "vm", 24, vm(1, "rg-web", "vm-web-01"), "rg-web")
    for k, day in enumerate(every(3)):     # ids in three spellings, one with a trailing slash
        spelled = [vm(1, "rg-web", "vm-web-02"), vm(1, "RG-WEB", "VM-Web-02").upper(), vm(1, "rg-web", "vm-web-02").lower() + "/"][k % 3]
        yield charge(1, day, "vm", 24, spelled, "RG-Web", 2)
    for day in days("09-08", "09-22", "10-06"):
        yield charge(1, day, "blob", "-3.5", rg(1, "rg-web") + "/providers/Microsoft.Storage/storageAccounts/stweb", "rg-web", 3)
    for day in days("09-11", "10-12", "10-18"):
        ri = f"/providers/Microsoft.Capacity/reservationOrders/{SUB[1]}"
        host = vm(1, "rg-web", "vm-web-03")
        yield charge(1, day, "vm", 24, host, "rg-web", 4, False, pricingModel="Reservation", reservationId=ri)
        yield charge(1, day, "vm", 12, host, "rg-web", 5, False, reservationId=ri, benefitId=ri)    # reservation comes first
        yield charge(1, day, "vm", 10, host, "rg-web", 5, False, pricingModel="Savings Plan")
        yield charge(1, day, "vm", 9, host, "rg-web", 6, False, benefitId="/providers/Microsoft.BillingBenefits/savingsPlanOrders/1")
        yield charge(1, day, "spot", 24, host, "rg-web", 7, False, pricingModel="spot")
        yield charge(1, day, "market", 24, host, "rg-web", 8, False, publisherType="Marketplace")
        yield charge(1, day, "third", 3, host, "rg-web", 9, False)
        yield charge(1, day, "legacy", 24, host, "rg-web", 10, False)
        yield charge(1, day, "free", 100, host, "rg-web", 11, False)
    for day in every(8, "09-30", "10-01"):
        yield charge(1, day, "mail", 40, rg(1, "rg-web") + "/providers/Microsoft.Communication/emailServices/mail", "rg-web", 12)
        yield charge(1, day, "blob", "1234.567891234567", rg(1, "rg-web") + "/providers/Microsoft.Storage/storageAccounts/stweb", "rg-web", 13)
    yield from not_usage()


def not_usage():
    day = date(2026, 9, 15)
    nothing = {"effectivePrice": None, "costInPricingCurrency": None, "partnerEarnedCreditApplied": False}
    yield charge(1, day, "vm", 1, None, None, 0, False, chargeType="Purchase", pricingModel="Reservation", quantity=Decimal(1), PayGPrice=Decimal("612.50"))
    yield charge(1, day, "vm", 1, None, None, 0, False, chargeType="Refund", pricingModel="Reservation", quantity=Decimal(-1), PayGPrice=Decimal("612.50"))
    yield charge(1, day, "vm", 1, None, None, 0, **nothing, chargeType="Tax", quantity=None, PayGPrice=None, date=None, exchangeRatePricingToBilling=None)
    yield charge(1, day, "vm", 1, None, None, 0, **nothing, chargeType="RoundingAdjustment", quantity=Decimal(1), PayGPrice=Decimal("-0.004"), ProductId="")
    yield charge(1, day, "vm", 2, vm(1, "rg-web", "vm-web-01"), "rg-web", 0, True, chargeType="")


def litware():
    """Customer 2: what a scope covers, and one missing hour."""
    server = rg(2, "rg-data") + "/providers/Microsoft.Sql/servers/"
    for day in every(2, "09-15", "09-16", "09-17"):
        yield charge(2, day, "vm", 24, vm(2, "rg-app", "vm-app"), "rg-app", 20, day != date(2026, 9, 16))
    for day in every(4, "09-16"):
        yield charge(2, day, "sql", 24, rg(2, "rg-app") + "/providers/Microsoft.Sql/servers/sql1/databases/db1", "rg-app", 21)   # child resource
        yield charge(2, day, "vm", 24, vm(2, "rg-app-10", "vm-app"), "rg-app-10", 22, False)     # /rg-app never covers /rg-app-10
    for day in every(6, "09-04", "09-05"):
        yield charge(2, day, "sql", 24, server + "sql2/databases/db2", "rg-data", 23)
        yield charge(2, day, "sql", 24, server + "sql20/databases/db2", "rg-data", 24, False)
    for day in every(9, "09-16"):
        yield charge(2, day, "fn", 1234567, None, "RG-APP", 25)                                   # falls back to the resource group
        yield charge(2, day, "fn", 1234567, None, None, 26, False)                                # falls back to the subscription
        yield charge(2, day, "disk", 1, "/providers/Microsoft.Capacity/x", "rg-app", 27)          # not an ARM id of a subscription
        yield charge(2, day, "disk", 1, vm(2, "rg-lh", "vm-lh"), "rg-lh", 28, False)              # Lighthouse with an unknown definition


def proseware():
    """Customer 3: provider and reseller."""
    for day in every(2, "09-14", "09-28", "10-03", "10-04", "10-12"):
        yield northwind(charge(3, day, "vm", 24, vm(3, "rg-erp", "vm-erp"), "rg-erp", 30, day < date(2026, 10, 3)))
    for day in days("09-02", "09-14", "09-20", "10-02"):       # same resource, another reseller of record
        yield charge(3, day, "disk", 1, vm(3, "rg-erp", "vm-erp"), "rg-erp", 31, resellerMpnId=MPN["unknown_reseller"], resellerName="Unknown")


def others():
    """Customers 4 to 13: one access story each (see sample_data/README.md)."""
    for n, base, applied, more in [
            (4, 24, False, ("09-02", "09-03", "09-17", "09-18", "09-19", "10-08", "10-09", "10-13", "10-14")),
            (5, 6, True, ("09-01", "09-02", "09-03", "10-17", "10-18")),
            (6, 24, True, ("09-03", "09-07", "09-08", "09-09", "10-08", "10-09", "10-10")),
            (7, 24, True, ("10-18",)),
            (8, 24, False, ("09-01", "09-03")),
            (9, 24, True, ("09-02", "09-11", "09-12", "10-09", "10-10")),
            (10, 24, True, ("09-01", "09-09", "09-10", "09-11")),
            (11, 24, True, ("09-24", "09-25", "09-26", "10-04", "10-05", "10-06")),
            (12, 24, True, ("09-01", "09-02", "09-03", "09-04", "09-05", "09-06"))]:
        for day in every(4, *more):
            yield charge(n, day, "vm", base, vm(n, "rg-main", f"vm-{n:02d}"), "rg-main", n, applied)
    for day in every(5, "09-11", "09-12", "09-13"):
        yield charge(10, day, "disk", 1, vm(10, "rg-nobody", "vm-10b"), "rg-nobody", 41)
    for day in every(6, "09-09", "09-10", "09-30", "10-01"):
        yield charge(8, day, "vm", 24, vm(8, "rg-lh", "vm-lh"), "rg-lh", 42)
    for k, day in enumerate(every(2)):
        yield in_euro(charge(13, day, "sql", "24.000000000000000001", vm(13, "rg-cellar", "vm-13"), "rg-cellar", 43), k)


def contoso():
    """All rows of the export of Contoso, by date then customer; a row without a date sorts by its period."""
    rows = [*woodgrove(), *litware(), *proseware(), *others()]
    return sorted(rows, key=lambda r: (r["date"] or r["billingPeriodEndDate"], r["SubscriptionId"]))


def fabrikam():
    """Direct-bill partner Fabrikam, billed in euro; customers 21 and 22."""
    k = 0
    for day in ALL_DAYS:
        for n, group, meter, base, salt in [(21, "rg-core", "vm", 24, 50), (21, "rg-edge", "blob", "77.7", 51), (22, "rg-main", "fn", 9876543, 52)]:
            if n == 22 and day.day % 3 and day > date(2026, 9, 3):
                continue
            if group == "rg-edge" and day.day % 2 and day not in days("09-21", "10-05"):
                continue
            k += 1
            row = charge(n, day, meter, base, vm(n, group, f"vm-{group}"), group, salt, n == 21)
            yield in_euro(row | {"partnerTenantId": TENANT["fabrikam"], "partnerName": "Fabrikam"}, k)


def archive():
    """What another tool made of an export: doubles, other types. Customers 14 and 31 (billed partner unknown)."""
    for k, day in enumerate(every(3, "10-18")):
        row = northwind(charge(14, day, "sql", "23.1", vm(14, "rg-lab", "vm-lab"), "rg-lab", 60))
        yield row | {"exchangeRatePricingToBilling": Decimal("0.9"), "billingCurrency": "EUR"} if k % 2 else row
    for day in every(6):
        yield charge(31, day, "vm", 24, vm(31, "rg-art", "vm-art"), "rg-art", 61, False, partnerTenantId=TENANT["nobody"])
    for day in days("09-05", "10-05"):
        yield northwind(charge(31, day, "vm", 8, vm(14, "rg-lab", "vm-lab"), "rg-lab", 62))   # the id's subscription decides
        yield charge(14, day, "vm", 8, None, None, 63, False, SubscriptionId=None)   # nothing at all to go by


