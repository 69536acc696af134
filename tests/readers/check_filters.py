#!/usr/bin/env python3
"""Other people's readers, filtering on every column, amounts of 38 nines included: `make readers`, and with Spark `make readers-long`.

    check_filters.py PECAN [--spark]

The sample and two more charges whose list cost is 99999999999999999999999999.999999999999 and its negative are settled into
Delta tables, in two runs, so that the log has removals. What is live is then worked out by hand: log entries, plain Parquet
files, no filter pushed down. Each reader must give the same rows and the same sums, to the last digit, for every value that
is asked of every column: the least, the greatest, one in between, one beyond, and null.
"""
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal, getcontext
from pathlib import Path

import duckdb
import duckdb_ext
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from deltalake import DeltaTable

getcontext().prec = 100
ROOT = Path(__file__).resolve().parents[2]
TABLES = (
    "fact_credit_line", "fact_credit_daily", "fact_access_day", "fact_access_interval", "rejection", "dim_customer", "dim_date",
    "dim_meter", "dim_partner", "dim_role", "dim_subscription", "run",
)
NINES = Decimal("99999999999999999999999999.999999999999")
FACTORS = ("9999999999999999.999", "10000000000.000000001")


def settle(pecan, folder):
    """Sample, nines, two runs. Gives the output's folder."""
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    rows = pq.read_table(ROOT / "sample_data/archive/2026-09/usage.parquet").slice(0, 1).to_pylist()
    (folder / "nines").mkdir()
    with (folder / "nines/nines.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for sign, currency in (("", "JPY"), ("-", "KRW")):
            money = {"quantity": sign + FACTORS[0], "PayGPrice": FACTORS[1], "effectivePrice": "0", "costInPricingCurrency": "0"}
            words = {"pricingCurrency": currency, "billingCurrency": currency, "exchangeRatePricingToBilling": "1"}
            dates = {k: v.date().isoformat() for k, v in rows[0].items() if isinstance(v, datetime)}
            writer.writerow({**rows[0], **dates, **money, **words})
    (folder / "jobs").mkdir()
    more = '\n[[charges]]\nname = "nines"\nuri = "../nines/"\nformat = "cost-management"\nlayout = "files"\n\n[[audit]]'
    (folder / "jobs/daily.toml").write_text((ROOT / "jobs/daily.toml").read_text().replace("\n[[audit]]", more, 1))
    for options in ([], ["--force"]):
        subprocess.run([str(pecan), "run", str(folder / "jobs/daily.toml"), "--quiet", *options], check=True, stderr=subprocess.DEVNULL)
    return folder / "jobs/out"


def by_hand(table):
    """The live files by the log entries, as one Arrow table without any help."""
    live = {}
    for entry in sorted((table / "_delta_log").glob("*.json")):
        for action in map(json.loads, entry.read_text().splitlines()):
            if "remove" in action:
                del live[action["remove"]["path"]]
            if "add" in action:
                live[action["add"]["path"]] = action["add"]["partitionValues"]
    parts = []
    for path, values in live.items():
        part = pq.ParquetFile(table / path).read()
        for name, value in values.items():
            part = part.append_column(name, pa.array([value] * part.num_rows, pa.string()))
        parts.append(part)
    return (pa.concat_tables(parts) if parts else None), sorted(live)


def plain(kind):
    return not (pa.types.is_nested(kind))


def questions(table):
    """Column → values to ask for."""
    for field in table.schema:
        if not plain(field.type):
            continue
        values = sorted({v for v in table[field.name].to_pylist() if v is not None})
        yield field.name, None
        for value in {values[0], values[len(values) // 2], values[-1], beyond(values[-1])} if values else ():
            yield field.name, value


def beyond(value):
    """A value that no row has, or the value itself where there is none beyond."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (date, datetime)):
        return value + timedelta(days=1) if value.year < 9000 else value
    if isinstance(value, Decimal):
        return value
    return value + ("~" if isinstance(value, str) else 1)


def answer(rows, amounts):
    """Number of rows, and the exact sum of each amount column. Rows: dicts or tuples in the order of `amounts`."""
    rows = [tuple(r[a] for a in amounts) if isinstance(r, dict) else tuple(r) for r in rows]
    return len(rows), tuple(sum((Decimal(r[i]) for r in rows if r[i] is not None), Decimal(0)) for i in range(len(amounts)))


def sql_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}+00:00'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    if isinstance(value, Decimal):
        scale = -value.as_tuple().exponent
        return f"CAST('{value:f}' AS DECIMAL(38,{scale}))"
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'" if isinstance(value, str) else str(value)


def sql(source, column, value, amounts, quote):
    wanted = ", ".join(quote + a + quote for a in amounts) or "1"
    test = "IS NULL" if value is None else f"= {sql_value(value)}"
    return f"SELECT {wanted} FROM {source} WHERE {quote}{column}{quote} {test}"


class Duck:
    name = "duckdb delta_scan"

    def __init__(self, out):
        self.out, self.con = out, duckdb_ext.init(duckdb.connect())
        self.con.execute("LOAD delta")
        self.con.execute("SET TimeZone = 'UTC'")

    def ask(self, table, column, value, amounts):
        text = sql(f"delta_scan('{self.out / table}')", column, value, amounts, '"').replace("\\\\", "\\")
        return self.con.execute(text).fetchall()


class Arrow:
    """Arrow's own filters over a dataset: of deltalake (statistics of the log), or of the live files (pyarrow)."""

    def __init__(self, out, name, dataset):
        self.out, self.name, self.dataset, self.made = out, name, dataset, {}

    def ask(self, table, column, value, amounts):
        if table not in self.made:
            self.made[table] = self.dataset(table)
        data = self.made[table]
        kind = data.schema.field(column).type
        test = pc.field(column).is_null() if value is None else pc.field(column) == pa.scalar(value, kind)
        return data.to_table(columns=amounts or [column], filter=test).to_pylist()


class Polars:
    name = "polars scan_delta"

    def __init__(self, out):
        self.out = out

    def ask(self, table, column, value, amounts):
        scan = polars.scan_delta(str(self.out / table))
        kind = scan.collect_schema()[column]
        test = polars.col(column).is_null() if value is None else polars.col(column) == polars.lit(value, dtype=kind)
        return scan.filter(test).select(amounts or [column]).collect().rows()


class Spark:
    """Spark over the Delta table where its jars are at hand, else its Parquet reader over the files the log names."""

    def __init__(self, out, files):
        from pyspark.sql import SparkSession
        jars = sorted((ROOT / ".tools/spark-jars").glob("*.jar"))
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        builder = builder.config("spark.log.level", "ERROR").config("spark.sql.shuffle.partitions", "1")
        if jars:
            builder = builder.config("spark.jars", ",".join(map(str, jars))).config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            builder = builder.config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        self.spark, self.name = builder.getOrCreate(), "spark" if jars else "spark (Parquet files of the log: no Delta jars here)"
        for table, paths in files.items():
            where = out / table
            read = self.spark.read.format("delta").load(str(where)) if jars else self.spark.read.option("basePath", str(where)).parquet(*[str(where / p) for p in paths])
            read.createOrReplaceTempView(table)

    def ask(self, table, column, value, amounts):
        return [tuple(r) for r in self.spark.sql(sql(table, column, value, amounts, "`")).collect()]


def main():
    pecan = Path(sys.argv[1]).resolve()
    wrong, counts = [], Counter()
    with tempfile.TemporaryDirectory() as folder:
        out = settle(pecan, Path(folder))
        whole = {name: by_hand(out / name) for name in TABLES}
        files = {name: paths for name, (_, paths) in whole.items() if paths}
        whole = {name: table for name, (table, _) in whole.items() if table is not None}
        costs = Counter(r["list_cost"] for r in whole["fact_credit_line"].to_pylist())
        if costs[NINES] != 1 or costs[-NINES] != 1:
            sys.exit(f"no line of 38 nines: {max(costs)}")
        by_log = lambda table: DeltaTable(str(out / table)).to_pyarrow_dataset()
        by_files = lambda table: pa.dataset.dataset([str(out / table / p) for p in files[table]], format="parquet", partitioning=partitioning(), partition_base_dir=str(out / table))
        partitioning = lambda: pa.dataset.partitioning(pa.schema([("billing_month", pa.string())]), flavor="hive")
        readers = [Duck(out), Arrow(out, "deltalake", by_log), Arrow(out, "pyarrow", by_files), Polars(out)]
        if "--spark" in sys.argv:
            readers.append(Spark(out, files))
        for name, table in whole.items():
            amounts = [f.name for f in table.schema if pa.types.is_decimal(f.type)]
            rows = table.to_pylist()
            for column, value in questions(table):
                expected = answer([r for r in rows if r[column] == value], amounts)
                for reader in readers:
                    try:
                        given = answer(reader.ask(name, column, value, amounts), amounts)
                    except Exception as error:  # noqa: BLE001 - whatever a reader says is an answer to report
                        given = f"{type(error).__name__}: {str(error)[:300]}"
                    counts[reader.name] += 1
                    if given != expected:
                        wrong.append(f"{reader.name}: {name}.{column} = {value!r}: expected {expected}, found {given}")
    for reader, n in counts.items():
        print(f"  {reader}: {n} filters over {len(whole)} tables, wrong {sum(w.startswith(reader + ':') for w in wrong)}")
    for line in wrong[:20]:
        print("  FAIL", line[:700])
    if wrong:
        sys.exit(f"readers: {len(wrong)} filters gave something else")
    print("readers: equal rows and sums under every filter, 38 nines included")


if __name__ == "__main__":
    main()
