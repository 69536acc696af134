"""Writing the sample's files: exports with manifests, an archive of another tool, audit log, reference tables."""
import csv
import gzip
import hashlib
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from .world import guid

DAY = ("date", "billingPeriodStartDate", "billingPeriodEndDate")
NUMBER = {"quantity": (38, 22), "PayGPrice": (38, 22), "effectivePrice": (38, 24), "costInPricingCurrency": (38, 24),
          "exchangeRatePricingToBilling": (38, 22), "partnerEarnedCreditRate": (38, 18)}


def parquet_type(name):
    if name in DAY:
        return pa.date32()
    if name in NUMBER:
        return pa.decimal128(*NUMBER[name])
    return pa.bool_() if name == "partnerEarnedCreditApplied" else pa.string()


def parquet(path, rows, types, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, types(name)) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="snappy", use_dictionary=True, **options)


def cell(value):
    """How the CSV export spells a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.strftime("%m/%d/%Y") if hasattr(value, "strftime") else str(value)


def csv_text(header, records, newline):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow(header)
    writer.writerows(records)
    return out.getvalue()


def manifest(folder, container, export, month, submitted, run, blobs, kind="ActualCost", file_format="Parquet"):
    """blobs: [(file name, rows)]. Blob names are written from the container's root, as Azure does."""
    text = json.dumps({
        "manifestVersion": "2024-04-01", "byteCount": sum((folder / name).stat().st_size for name, _ in blobs if (folder / name).exists()),
        "blobCount": len(blobs), "dataRowCount": sum(rows for _, rows in blobs),
        "exportConfig": {"exportName": export, "dataVersion": "2023-12-01-preview", "apiVersion": "2023-07-01-preview", "type": kind,
                         "resourceId": f"/providers/Microsoft.Billing/billingAccounts/{container}/providers/Microsoft.CostManagement/exports/{export}",
                         "timeFrame": "MonthToDate", "granularity": "Daily"},
        "deliveryConfig": {"partitionData": True, "dataOverwriteBehavior": "CreateNewReport", "fileFormat": file_format,
                           "compressionMode": "Snappy", "rootFolderPath": container},
        "runInfo": {"executionType": "Scheduled", "submittedTime": submitted, "runId": run,
                    "startDate": f"{month[0].isoformat()}T00:00:00", "endDate": f"{month[1].isoformat()}T00:00:00"},
        "blobs": [{"blobName": f"{container}/{export}/{folder.parent.name}/{folder.name}/{name}",
                   "byteCount": (folder / name).stat().st_size if (folder / name).exists() else 0, "dataRowCount": rows}
                  for name, rows in blobs]}, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(text + "\n")


def run_folder(root, container, export, month, run):
    return root / container / export / f"{month[0]:%Y%m%d}-{month[1]:%Y%m%d}" / run


def reference_file(path, columns, rows):
    """CSV as people keep it, or Parquet with plain text columns and one timestamp where lists are stamped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = columns.split()
    if path.suffix == ".csv":
        path.write_text(csv_text(names, [["" if v is None else v for v in row] for row in rows], "\n"))
        return
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})
    if "snapshot_at" in names:
        stamps = table["snapshot_at"].cast(pa.timestamp("us", "UTC"))
        table = table.set_column(0, "snapshot_at", stamps)
    pq.write_table(table, path, compression="zstd")


def gz(text):
    return gzip.compress(text.encode(), mtime=0)


def run_id(n):
    return guid("2", n)


def digest(folder):
    """A fingerprint of a folder's files, to see that two runs wrote the same."""
    seen = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            seen.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return seen.hexdigest()[:12]
