//! What is wrong with the output (exit 2, 4 and 5).

use std::path::PathBuf;

use super::scene::{Case, Scene};

fn log(scene: &Scene, table: &str) -> String {
    let path = format!("out/{table}/_delta_log/00000000000000000000.json");
    assert!(scene.path(&path).is_file(), "{path}");
    path
}

fn only_parquet(scene: &Scene, table: &str) -> PathBuf {
    let entries = std::fs::read_dir(scene.path(&format!("out/{table}"))).expect("a table");
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "parquet")).collect();
    files.pop().expect("a data file")
}

fn as_parquet(scene: &Scene) {
    scene.job("uri = \"out/\"", "uri = \"out/\"\nformat = \"parquet\"");
    scene.succeed();
}

const INVOICE: &str = "CustomerId,SubscriptionId,ProductId,SkuId,EffectiveUnitPrice,BillableQuantity,Subtotal,Currency,PriceAdjustmentDescription\n\
    aaaaaaaa-0000-4000-8000-000000000001,plan,CFQ7TTC0LH18,1,22,3,66,USD,[]\n\
    ,,DZH318Z0BQ4J,1,0.5,2,1,USD,[]\n";

pub const CASES: &[Case] = &[
    Case {
        code: "schema_newer",
        name: "delta",
        cause: "A newer version wrote the Delta tables.",
        exit: 2,
        says: &["fact_credit_line", "pecan.schema = 99"],
        build: |s| {
            s.succeed();
            s.edit(&log(s, "fact_credit_line"), "\"pecan.schema\":\"1\"", "\"pecan.schema\":\"99\"");
        },
    },
    Case {
        code: "schema_newer",
        name: "parquet",
        cause: "A newer version wrote the Parquet tables.",
        exit: 2,
        says: &["fact_credit_line", "pecan.schema = 99"],
        build: |s| {
            as_parquet(s);
            s.edit("out/fact_credit_line/_pecan/manifest.json", "\"pecan.schema\": 1", "\"pecan.schema\": 99");
        },
    },
    Case {
        code: "output_format",
        name: "",
        cause: "The job file says Parquet, the tables are Delta tables.",
        exit: 2,
        says: &["fact_credit_line", "Delta"],
        build: |s| {
            s.succeed();
            s.job("uri = \"out/\"", "uri = \"out/\"\nformat = \"parquet\"");
        },
    },
    Case {
        code: "table_foreign",
        name: "",
        cause: "A Delta table of one of our names was made by another program.",
        exit: 2,
        says: &["dim_meter"],
        build: |s| {
            s.succeed();
            s.edit(&log(s, "dim_meter"), "\"pecan.schema\":\"1\"", "\"other\":\"1\"");
        },
    },
    Case {
        code: "carry_case",
        name: "",
        cause: "A carried column is spelt otherwise than in the run before.",
        exit: 2,
        says: &["\"Tags\"", "\"tags\""],
        build: |s| {
            s.job("[output]", "[output]\ncarry = [\"Tags\"]");
            s.succeed();
            s.job("\"Tags\"", "\"tags\"");
        },
    },
    Case {
        code: "schema_newer",
        name: "record",
        cause: "A newer version kept the record of a run.",
        exit: 2,
        says: &["_pecan", "form 99"],
        build: |s| {
            s.succeed();
            let record = std::fs::read_dir(s.path("out/_pecan/runs")).expect("records").flatten().next().expect("a record").path();
            let text = std::fs::read_to_string(&record).expect("text");
            std::fs::write(&record, text.replace("\"form\":1", "\"form\":99")).expect("written");
            s.arguments(&["verify", "job.toml", "--run", "latest"]);
        },
    },
    Case {
        code: "verify_different",
        name: "",
        cause: "A file of credit lines was replaced by another since the run.",
        exit: 1,
        says: &["1 of ", "--force"],
        build: |s| {
            s.succeed();
            let month = s.path("out/fact_credit_line/billing_month=2026-09");
            let files: Vec<PathBuf> = std::fs::read_dir(month).expect("a month").flatten().map(|e| e.path()).collect();
            std::fs::write(&files[0], "overwritten").expect("a file");
            s.arguments(&["verify", "job.toml", "--run", "latest"]);
        },
    },
    Case {
        code: "verify_inputs_gone",
        name: "",
        cause: "The charges of the run are no longer there.",
        exit: 3,
        says: &["charges/a.csv"],
        build: |s| {
            s.succeed();
            s.edit("charges/a.csv", "0.5", "0.6");
            s.arguments(&["verify", "job.toml", "--run", "latest"]);
        },
    },
    Case {
        code: "run_first",
        name: "",
        cause: "A charge file changed since the run.",
        exit: 3,
        says: &["csp/#1", "replace", "`pecan run`"],
        build: |s| {
            s.succeed();
            s.edit("charges/a.csv", "0.5", "0.6");
            s.arguments(&["reconcile", "job.toml", "--month", "2026-09"]);
        },
    },
    Case {
        code: "month_not_closed",
        name: "",
        cause: "A month is to be opened again that is open.",
        exit: 2,
        says: &["2026-09", "closed are: none"],
        build: |s| {
            s.succeed();
            s.arguments(&["reconcile", "job.toml", "--month", "2026-09", "--reopen", "a late credit note"]);
        },
    },
    Case {
        code: "month_empty",
        name: "",
        cause: "There is no charge of the month.",
        exit: 3,
        says: &["fact_credit_line", "2026-09"],
        build: |s| {
            s.succeed();
            s.arguments(&["reconcile", "job.toml", "--month", "2026-08"]);
        },
    },
    Case {
        code: "difference_above_tolerance",
        name: "",
        cause: "The invoice bills more than the export holds.",
        exit: 6,
        says: &["limits.tolerance = 0.01", "66 USD"],
        build: |s| {
            s.write("ref/invoice.csv", INVOICE);
            s.reference("statement = \"ref/invoice.csv\"");
            s.succeed();
            s.arguments(&["reconcile", "job.toml", "--month", "2026-09"]);
            s.pecan(&[]);
        },
    },
    Case {
        code: "maintain_under_way",
        name: "",
        cause: "Another `pecan maintain` holds the lock.",
        exit: 4,
        says: &["out/_pecan/maintain.lock"],
        build: |s| {
            s.succeed();
            let lock = std::fs::File::create(s.path("out/_pecan/maintain.lock")).expect("a file");
            lock.lock().expect("a lock");
            // Held until the tests are done.
            std::mem::forget(lock);
            s.arguments(&["maintain", "job.toml"]);
        },
    },
    Case {
        code: "delta_log",
        name: "",
        cause: "An entry of a Delta log is damaged.",
        exit: 5,
        says: &["fact_credit_daily/_delta_log"],
        build: |s| {
            s.succeed();
            s.write(&log(s, "fact_credit_daily"), "{ not JSON");
        },
    },
    Case {
        code: "manifest",
        name: "table",
        cause: "The manifest of a Parquet table is damaged.",
        exit: 5,
        says: &["fact_credit_daily", "manifest.json"],
        build: |s| {
            as_parquet(s);
            s.write("out/fact_credit_daily/_pecan/manifest.json", "{ not JSON");
        },
    },
    Case {
        code: "run_table",
        name: "",
        cause: "A data file of the table run is overwritten.",
        exit: 5,
        says: &["out/run/"],
        build: |s| {
            s.succeed();
            std::fs::write(only_parquet(s, "run"), "overwritten").expect("a file");
        },
    },
    Case {
        code: "disk",
        name: "",
        cause: "The output folder would have to be inside a file.",
        exit: 5,
        says: &["charges/a.csv/out"],
        build: |s| s.job("\"out/\"", "\"charges/a.csv/out\""),
    },
    #[cfg(target_os = "linux")]
    Case {
        code: "stdout",
        name: "",
        cause: "The disk that takes the answer is full.",
        exit: 5,
        says: &["standard output"],
        build: |s| {
            s.arguments(&["schema"]);
            s.full_output();
        },
    },
];
