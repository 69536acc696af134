#!/usr/bin/env python3
"""Writes a large job for `make bench`: make_big.py FOLDER ROWS.

A month of a Cost Management export (parts of 500,000 rows, row groups of 100,000, snappy, dictionaries where Azure has
them, decimals as Azure writes them), an audit log, lists, and a job file. Always the same for the same number of rows.
600 subscriptions of 150 customers; about four in five are covered by the partner's group, some at resource groups only.
"""
import json
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PART, GROUP = 500_000, 100_000
SUBSCRIPTIONS, GROUPS, RESOURCES, METERS, DAYS = 600, 3_000, 20_000, 400, 30
FIRST_DAY = 20_697                                  # 2026-09-01 in days since 1970
TENANT, ADMINS, OWNER = "cccccccc-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000001", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def guid(kind, n):
    return f"{kind * 8}-0000-4000-8000-{n:012d}"


def subscription(n):
    return guid("5", n % SUBSCRIPTIONS)


def group(n):
    return f"/subscriptions/{subscription(n)}/resourceGroups/rg-{n % GROUPS:04d}"


def mod(values, m):
    return pc.subtract(values, pc.multiply(pc.divide(values, m), m))


def scatter(rows, prime, m):
    """Numbers below m that jump about, with runs of eight as meters of one resource have."""
    return mod(pc.add(pc.multiply(pc.divide(rows, 8), prime), pc.divide(rows, 97)), m)


def coded(keys, names):
    """A text column as dictionary: one name per key."""
    return pa.DictionaryArray.from_arrays(pc.cast(keys, pa.int32()), pa.array(names, pa.string()))


def constant(n, value, kind=None):
    return pa.repeat(pa.scalar(value, kind), n)


def scaled(units, scale, places):
    """Integers of 10^-scale as decimal(38, places)."""
    wide = pc.cast(units, pa.decimal128(38, 0))
    return pc.cast(pa.Array.from_buffers(pa.decimal128(38, scale), len(wide), [None, wide.buffers()[1]]), pa.decimal128(38, places))


def charges(first, n):
    rows = pa.array(range(first, first + n), pa.int64())
    resource, meter = scatter(rows, 7919, RESOURCES), mod(pc.multiply(rows, 31), METERS)
    sub, rg = mod(resource, SUBSCRIPTIONS), mod(resource, GROUPS)
    day = pc.cast(pc.add(mod(pc.divide(rows, 8 * 13), DAYS), FIRST_DAY), pa.int32())
    quantity = pc.add(mod(pc.multiply(rows, 104_729), 24_000_000), 1)                      # 10^-6
    price = pc.add(pc.multiply(meter, 4_730_117), 12_345)                                  # 10^-9
    of = lambda names, n: [names.format(k) for k in range(n)]
    names = [f"{group(k)}/providers/Microsoft.Compute/virtualMachines/vm-{k:05d}" for k in range(RESOURCES)]
    tags = [json.dumps({"env": "prod" if k % 3 else "test", "owner": f"team-{k % 200}", "app": f"app-{k % 900}"}) for k in range(RESOURCES)]
    start, until = constant(n, FIRST_DAY, pa.int32()), constant(n, FIRST_DAY + DAYS - 1, pa.int32())
    return pa.table({
        "date": day.view(pa.date32()), "billingPeriodStartDate": start.view(pa.date32()), "billingPeriodEndDate": until.view(pa.date32()),
        "invoiceId": constant(n, "G000900001"), "SubscriptionId": coded(sub, [subscription(k) for k in range(SUBSCRIPTIONS)]),
        "subscriptionName": coded(sub, of("Subscription {}", SUBSCRIPTIONS)), "productOrderId": coded(sub, of("plan-{}", SUBSCRIPTIONS)),
        "customerTenantId": coded(mod(sub, 150), [guid("a", k) for k in range(150)]), "customerName": coded(mod(sub, 150), of("Customer {}", 150)),
        "partnerTenantId": constant(n, TENANT), "partnerName": constant(n, "Contoso"), "resellerMpnId": constant(n, None, pa.string()),
        "resourceGroupName": coded(rg, of("rg-{:04d}", GROUPS)), "ResourceId": coded(resource, names),
        "resourceLocation": coded(mod(meter, 30), of("region{}", 30)), "meterId": coded(meter, [guid("1", k) for k in range(METERS)]),
        "meterName": coded(meter, of("Meter {}", METERS)), "meterCategory": coded(mod(meter, 40), of("Category {}", 40)),
        "meterSubCategory": coded(mod(meter, 120), of("Sub {}", 120)), "meterRegion": coded(mod(meter, 30), of("Region {}", 30)),
        "ProductId": coded(meter, of("DZH318Z0{:04d}0001", METERS)), "ProductName": coded(meter, of("Product {}", METERS)),
        "unitOfMeasure": coded(mod(meter, 12), of("{} Hours", 12)), "quantity": scaled(quantity, 6, 18), "PayGPrice": scaled(price, 9, 18),
        "effectivePrice": scaled(pc.multiply(price, 85), 11, 18), "costInPricingCurrency": scaled(pc.multiply(pc.multiply(quantity, price), 85), 17, 18),
        "costInBillingCurrency": scaled(pc.multiply(pc.multiply(quantity, price), 85), 17, 18),
        "pricingCurrency": constant(n, "USD"), "billingCurrency": constant(n, "EUR"),
        "exchangeRatePricingToBilling": scaled(pc.add(pc.multiply(pc.cast(day, pa.int64()), 1_003), 825_000_000), 9, 18),
        "chargeType": coded(pc.cast(pc.equal(mod(rows, 500), 0), pa.int64()), ["Usage", "Purchase"]),
        "pricingModel": coded(pc.cast(pc.equal(mod(rows, 23), 0), pa.int64()), ["OnDemand", "Reservation"]),
        "publisherType": coded(pc.cast(pc.equal(mod(rows, 61), 0), pa.int64()), ["Azure", "Marketplace"]),
        "benefitId": constant(n, None, pa.string()), "reservationId": constant(n, None, pa.string()),
        "partnerEarnedCreditApplied": pc.less(mod(sub, 5), 4),
        "partnerEarnedCreditRate": scaled(pc.multiply(pc.cast(pc.less(mod(sub, 5), 4), pa.int64()), 15), 2, 18),
        "additionalInfo": coded(resource, [f'{{"VMName":"vm-{k:05d}","VCPUs":{k % 64}}}' for k in range(RESOURCES)]), "tags": coded(resource, tags)})


def export(root, rows):
    run = guid("2", 1)
    folder = root / "exports/pec-actual/20260901-20260930" / run
    folder.mkdir(parents=True)
    blobs = []
    for k, first in enumerate(range(0, rows, PART)):
        n, name = min(PART, rows - first), f"part_{k}_0001.snappy.parquet"
        pq.write_table(charges(first, n), folder / name, compression="snappy", row_group_size=GROUP)
        blobs.append({"blobName": f"exports/pec-actual/20260901-20260930/{run}/{name}", "byteCount": (folder / name).stat().st_size, "dataRowCount": n})
    (folder / "manifest.json").write_text(json.dumps({
        "manifestVersion": "2024-04-01", "blobCount": len(blobs), "dataRowCount": rows, "blobs": blobs,
        "exportConfig": {"exportName": "pec-actual", "type": "ActualCost", "dataVersion": "2023-12-01-preview",
                         "resourceId": "/providers/Microsoft.Billing/billingAccounts/1/providers/Microsoft.CostManagement/exports/pec-actual"},
        "runInfo": {"submittedTime": "2026-10-05T04:00:00Z", "runId": run, "startDate": "2026-09-01T00:00:00", "endDate": "2026-09-30T00:00:00"}}))


def audit(root, rows):
    """One record in 150 takes a resource group's access away and gives it back an hour later; the rest is noise."""
    out, step = [], 30 * 86_400 * 10**9 // rows
    for k in range(rows):
        at = FIRST_DAY * 86_400 * 10**9 + k * step
        one = {"TimeGenerated": at, "OperationNameValue": "MICROSOFT.COMPUTE/VIRTUALMACHINES/START/ACTION", "ActivityStatusValue": "Success",
               "CorrelationId": guid("0", k), "EventDataId": guid("3", 4 * k), "_ResourceId": group(k), "Properties": "{}",
               "Authorization": json.dumps({"scope": group(k)}), "SubscriptionId": subscription(k), "Caller": "admin@contoso.example"}
        if k % 150 == 0:
            a = k % GROUPS
            path = f"{group(a)}/providers/Microsoft.Authorization/roleAssignments/{guid('6', a)}"
            body = {"Id": guid("6", a), "Properties": {"PrincipalId": ADMINS, "RoleDefinitionId": OWNER, "Scope": group(a)}}
            for m, (verb, status, seconds) in enumerate([("delete", "Success", 0), ("write", "Start", 3_599), ("write", "Success", 3_600)]):
                out.append(one | {"TimeGenerated": at + seconds * 10**9, "OperationNameValue": f"MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/{verb.upper()}",
                                  "ActivityStatusValue": status, "EventDataId": guid("3", 4 * k + m + 1), "CorrelationId": guid("0" if m else "4", k),
                                  "Authorization": json.dumps({"scope": path}), "_ResourceId": path.lower(),
                                  "Properties": json.dumps({"requestbody": json.dumps(body)} if status == "Start" else {})})
        out.append(one)
    stamp = pa.timestamp("ns", "UTC")
    schema = pa.schema([(name, stamp if name == "TimeGenerated" else pa.string()) for name in out[0]])
    root.joinpath("audit").mkdir()
    pq.write_table(pa.Table.from_pylist(out, schema), root / "audit/2026-09.parquet", compression="snappy")


def reference(root):
    (root / "partners.csv").write_text(f"mpn_id,organisation_id,tenant_id,agreement_from,agreement_until\n1000001,contoso,{TENANT},,\n")
    (root / "principals.csv").write_text(f"principal_id,mpn_id,channel,linked_from,linked_until\n{ADMINS},1000001,aobo,,\n")
    held = [(guid("6", k), group(k)) for k in range(0, GROUPS, 15)]                                      # resource groups
    held += [(guid("8", k), f"/subscriptions/{subscription(k)}") for k in range(SUBSCRIPTIONS) if k % 5]  # subscriptions
    lines = [f"2026-09-01T00:00:00Z,{a},{ADMINS},Group,{OWNER},{scope},2026-01-01T00:00:00Z" for a, scope in held]
    (root / "assignments.csv").write_text("snapshot_at,id,principal_id,principal_type,role_definition_id,scope,created_on\n" + "\n".join(lines) + "\n")
    (root / "job.toml").write_text("""name = "bench"
cutoff = "2026-10-05T00:00:00Z"
[[charges]]
name = "contoso"
uri = "exports/"
format = "cost-management"
[[audit]]
name = "activity"
uri = "audit/"
format = "azure-activity"
[reference]
assignments = "assignments.csv"
partners = "partners.csv"
principals = "principals.csv"
[output]
uri = "out/"
carry = ["tags", "meterCategory"]
""")


def main():
    root, rows = Path(sys.argv[1]), int(sys.argv[2])
    if (root / f"rows-{rows}").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    export(root, rows)
    audit(root, max(1_000, min(rows // 10, 200_000)))
    reference(root)
    (root / f"rows-{rows}").touch()
    print(f"wrote {rows:,} charges, {sum(f.stat().st_size for f in root.rglob('*.parquet')) / 1e6:.1f} MB of Parquet in {root}")


if __name__ == "__main__":
    main()
