"""A job so small that a run takes a tenth of a second: cuts of the sample data, as they are now and as they were before."""
import shutil
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
JOB = """name = "small"
cutoff = "2026-10-18T06:00:00Z"

[[charges]]
name = "contoso"
uri = "{world}/exports/"
format = "cost-management"

[[charges]]
name = "archive"
uri = "{world}/archive/"
format = "cost-management"
layout = "files"

[[audit]]
name = "activity"
uri = "{world}/audit/"
format = "azure-activity"

[reference]
assignments = "reference/assignments.parquet"
partners = "reference/partners.csv"
principals = "reference/principals.csv"
group_members = "reference/group_members.csv"
roles = "reference/roles.csv"

[output]
uri = "out/"
format = "delta"

[limits]
rejections = "5%"
"""
OCTOBER = "exports/contoso/pec-actual/20261001-20261031"
OLD_RUN, NEW_RUN = (f"22222222-0000-4000-8000-00000000000{n}" for n in (2, 3))


def make(folder):
    """Writes `before.toml` and `after.toml`: between them an export month is restated by a newer run, a folder of charges
    goes, another comes, and audit records are late."""
    folder = Path(folder)
    shutil.copytree(SAMPLE / "reference", folder / "reference")
    for world in ("before", "after"):
        shutil.copytree(SAMPLE / OCTOBER / OLD_RUN, folder / world / "exports/pec-actual/20261001-20261031" / OLD_RUN)
        shutil.copytree(SAMPLE / "archive", folder / world / "archive")
        shutil.copytree(SAMPLE / "audit", folder / world / "audit")
        (folder / f"{world}.toml").write_text(JOB.format(world=world))
    shutil.copytree(SAMPLE / OCTOBER / NEW_RUN, folder / "after/exports/pec-actual/20261001-20261031" / NEW_RUN)
    shutil.rmtree(folder / "before/archive/2026-10")
    shutil.rmtree(folder / "after/archive/2026-09")
    (folder / "before/audit/2026-10.parquet").unlink()
    return folder


def months(folder, names):
    """One folder of charges per name; the same file under another name is another group and, by its dates, one month."""
    folder = make(folder)
    for name in names:
        shutil.copytree(SAMPLE / "archive/2026-09", folder / "after/archive" / name)
    return folder
