//! What is wrong with an input (exit 3), or with too many of its rows (exit 7).

use std::sync::Arc;

use arrow::array::{BinaryArray, Int32Array, StructArray};
use arrow::datatypes::{DataType, Field};

use super::scene::{Case, HEADER, PART, ROW, Scene, charge_columns, texts};

const fn case(code: &'static str, name: &'static str, cause: &'static str, says: &'static [&'static str], build: fn(&mut Scene)) -> Case {
    Case { code, name, cause, exit: 3, says, build }
}

const LIST: &str = "snapshot_at,id,principal_id,principal_type,role_definition_id,scope,created_on";

pub const CASES: &[Case] = &[
    // Files
    case("not_found", "", "The file of the partners is not there.", &["ref/partners.csv"], |s| s.remove("ref/partners.csv")),
    case("no_files", "charges", "The folder of the charges holds a text file and nothing else.", &["charges/"], |s| {
        s.remove("charges/a.csv");
        s.write("charges/note.txt", "no charges here");
    }),
    case("no_files", "wildcard", "No file fits the wildcard of a reference table.", &["ref/*.parquet"], |s| s.reference("rates = \"ref/*.parquet\"")),
    #[cfg(target_os = "linux")]
    case("file_name", "", "A file of charges has a name that is not UTF-8.", &["charges"], |s| {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"b\xff.csv");
        std::fs::write(s.path("charges").join(name), "").expect("a file system that takes any name");
    }),
    case("too_deep", "folders", "Folders are nested 70 deep.", &["charges/d/d/d"], |s| {
        let deep = format!("charges/{}a.csv", "d/".repeat(70));
        s.write(&deep, HEADER);
    }),
    #[cfg(unix)]
    case("too_deep", "link", "A link leads back into its own folder.", &["charges/loop/loop", "link"], |s| {
        std::os::unix::fs::symlink(".", s.path("charges/loop")).expect("links")
    }),
    #[cfg(unix)]
    Case {
        code: "storage",
        name: "link",
        cause: "A link leads to itself.",
        exit: 5,
        says: &["charges/b.csv"],
        build: |s| std::os::unix::fs::symlink("b.csv", s.path("charges/b.csv")).expect("links"),
    },
    // Charges as Parquet
    case("parquet_damaged", "charges", "A Parquet file of charges holds a few words of text.", &["charges/b.parquet"], |s| {
        s.write("charges/b.parquet", "PAR1 but nothing else PAR1")
    }),
    case("parquet_damaged", "audit", "The second half of an audit file is missing.", &["audit/2026-09.parquet"], |s| {
        let whole = std::fs::read(s.path("audit/2026-09.parquet")).expect("a file");
        s.write("audit/2026-09.parquet", &whole[..whole.len() / 2]);
    }),
    case("column_type", "", "The column quantity of a Parquet file is nested.", &["charges/b.parquet", "`quantity`"], |s| {
        let inside = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int32, true)), Arc::new(Int32Array::from(vec![1])) as _)]);
        let mut columns = charge_columns();
        columns[4].1 = Arc::new(inside);
        s.parquet("charges/b.parquet", columns);
    }),
    case("column_missing", "parquet", "A Parquet file of charges has no column quantity.", &["charges/b.parquet", "`quantity`", "cost-management"], |s| {
        let mut columns = charge_columns();
        columns.remove(4);
        s.parquet("charges/b.parquet", columns);
    }),
    case(
        "column_case",
        "parquet",
        "A Parquet file of charges has the columns quantity and Quantity.",
        &["charges/b.parquet", "`quantity`", "`Quantity`"],
        |s| {
            let mut columns = charge_columns();
            columns.push(("Quantity", texts(&["1"])));
            s.parquet("charges/b.parquet", columns);
        },
    ),
    case("not_text", "", "A column of a Parquet file of charges holds bytes that are not UTF-8.", &["charges/b.parquet", "`meterId`"], |s| {
        let mut columns = charge_columns();
        columns[2].1 = Arc::new(BinaryArray::from(vec![&b"\xff\xfe"[..]]));
        s.parquet("charges/b.parquet", columns);
    }),
    // Charges as CSV
    case("column_missing", "csv", "The header PayGPrice of a CSV file reads Price.", &["charges/a.csv", "`PayGPrice`"], |s| {
        s.edit("charges/a.csv", "PayGPrice", "Price")
    }),
    case("column_twice", "", "A CSV file has the header meterId twice.", &["charges/a.csv", "`meterId`"], |s| s.edit("charges/a.csv", "ProductId", "meterId")),
    case("column_case", "csv", "A CSV file has the headers meterId and MeterID.", &["charges/a.csv", "`meterId`", "`MeterID`"], |s| {
        s.edit("charges/a.csv", "ProductId", "MeterID")
    }),
    case("csv_empty", "", "A CSV file of charges holds two line breaks.", &["charges/a.csv"], |s| s.write("charges/a.csv", "\n\n")),
    case("csv_encoding", "", "A CSV file of charges is UTF-16, as some spreadsheets write it.", &["charges/a.csv", "UTF-16"], |s| {
        s.write("charges/a.csv", b"\xff\xfed\0a\0")
    }),
    case("csv_unclosed_quote", "", "The third row of a CSV file opens a quote and never closes it.", &["charges/a.csv", "row 3"], |s| {
        s.write("charges/a.csv", format!("{HEADER}\n{ROW}\n{ROW}\n\"2026-09-21,x\n"))
    }),
    case("csv_text", "", "A field of a CSV file is Latin-1.", &["charges/a.csv", "row 2"], |s| {
        s.write("charges/a.csv", [HEADER.as_bytes(), b"\n", ROW.as_bytes(), b"\n2026-09-20,\xff,m,p,1,1,USD,USD,Usage\n"].concat())
    }),
    case("damaged_file", "csv", "A file named .csv.gz is not compressed.", &["charges/b.csv.gz"], |s| s.write("charges/b.csv.gz", "this is no gzip")),
    case("sum_too_large", "", "Two charges cost 10^16 times what they should.", &["csp/"], |s| {
        let row = ROW.replace(",1,0.5,", ",9999999999999999,0,");
        s.write("charges/a.csv", format!("{HEADER}\n{row}\n{row}\n"));
    }),
    // Exports
    case("no_manifest", "", "The charges are plain files, and the job file does not say so.", &["charges/", "manifest.json"], |s| {
        s.job("layout = \"files\"\n", "")
    }),
    case("export_root", "", "The root of an export is named with a wildcard.", &["charges/*"], |s| {
        s.job("layout = \"files\"\n", "");
        s.job("uri = \"charges/\"", "uri = \"charges/*\"");
    }),
    case("blob_missing", "", "A part of an export was not copied.", &["manifest.json", "part_0.csv"], |s| {
        s.export(|_| {});
        s.remove(&format!("charges/{PART}"));
    }),
    case("row_count", "", "A part of an export has a row less than its manifest says.", &["part_0.csv", "2 rows", "3"], |s| {
        s.export(|manifest| {
            manifest["blobs"][0]["dataRowCount"] = 3.into();
            manifest["dataRowCount"] = 3.into();
        });
    }),
    case("manifest", "sum", "The rows of a manifest do not add up.", &["manifest.json", "2 rows", "dataRowCount says 7"], |s| {
        s.export(|manifest| manifest["dataRowCount"] = 7.into())
    }),
    case("manifest", "instant", "A manifest says it was submitted yesterday.", &["manifest.json", "submittedTime"], |s| {
        s.export(|manifest| manifest["runInfo"]["submittedTime"] = "yesterday".into())
    }),
    case("manifest", "path", "A manifest names a file above its own root.", &["manifest.json", "../"], |s| {
        s.export(|manifest| manifest["blobs"][0]["blobName"] = "e/../../secret.csv".into())
    }),
    // Audit log
    case("format", "audit", "The folder of the audit log holds a CSV file.", &["audit/log.csv", "azure-activity"], |s| {
        s.write("audit/log.csv", "TimeGenerated\n")
    }),
    case("format", "audit-json", "The folder of an audit log in JSON holds a CSV file.", &["audit/log.csv", "activity-log-json"], |s| {
        s.job("azure-activity", "activity-log-json");
        s.remove("audit/2026-09.parquet");
        s.write("audit/log.csv", "time\n");
    }),
    case("audit_json", "cut-short", "The second record of an audit file is cut short.", &["audit/PT1H.json, row 2", "no whole JSON object"], |s| {
        s.write("audit/PT1H.json", "{\"TimeGenerated\":\"\"}\n{\"OperationNameValue\":\n")
    }),
    case("audit_json", "records", "A record of an audit file has the keys records and Records.", &["audit/PT1H.json, row 1", "`records`"], |s| {
        s.write("audit/PT1H.json", "{\"records\": 1, \"Records\": []}")
    }),
    case("audit_json", "encoding", "An audit file is UTF-16, as Windows PowerShell writes it.", &["audit/az.json", "UTF-16", "Out-File"], |s| {
        s.write("audit/az.json", b"\xff\xfe[\0]\0")
    }),
    case("audit_json_size", "", "A record of an audit file goes on for 20 MiB.", &["audit/PT1H.json, row 1", "16 MiB"], |s| {
        s.write("audit/PT1H.json", "{\"Caller\":".repeat(2 << 20))
    }),
    case("column_missing", "audit-json", "An audit file in JSON is of the other format.", &["audit/PT1H.json", "`TimeGenerated`", "azure-activity"], |s| {
        s.write("audit/PT1H.json", "{\"time\": \"2026-09-01\", \"operationName\": \"x\", \"OperationNameValue\": null}\n");
    }),
    case("damaged_file", "audit", "A packed audit file is cut short.", &["audit/PT1H.json.gz"], |s| s.write("audit/PT1H.json.gz", b"\x1f\x8b\x08 but no more")),
    case("column_missing", "audit", "An audit file has only the column Caller.", &["audit/2026-09.parquet", "TimeGenerated"], |s| {
        s.parquet("audit/2026-09.parquet", vec![("Caller", texts(&["x"]))])
    }),
    // Reference tables
    case("column_missing", "partners", "The header organisation_id of the partners reads org.", &["ref/partners.csv", "`organisation_id`", "partners"], |s| {
        s.edit("ref/partners.csv", "organisation_id", "org")
    }),
    case("column_case", "principals", "The principals have the headers mpn_id and MPN_ID.", &["ref/principals.csv", "`mpn_id`", "`MPN_ID`"], |s| {
        s.edit("ref/principals.csv", "channel", "MPN_ID")
    }),
    case("parquet_damaged", "partners", "The partners are named as a Parquet file that is none.", &["ref/partners.parquet"], |s| {
        s.write("ref/partners.parquet", "not Parquet at all");
        s.job("ref/partners.csv", "ref/partners.parquet");
    }),
    case("format", "partners", "The partners are JSON under another name.", &["ref/partners.txt", "JSON"], |s| {
        s.write("ref/partners.txt", "[{\"mpn_id\": 1}]");
        s.job("ref/partners.csv", "ref/partners.txt");
    }),
    case("az_json", "", "`az` printed an error instead of a list.", &["ref/a.json"], |s| {
        s.write("ref/a.json", "{\"error\": \"please run az login\"}");
        s.reference("assignments = { uri = \"ref/a.json\", snapshot_at = \"2026-09-01T00:00:00Z\" }");
    }),
    case(
        "list_name",
        "",
        "The folder of a list is named newest, not after the instant of the list.",
        &["az/newest/a.json", "newest", "20261031T060000Z"],
        |s| {
            s.write("az/newest/a.json", "[]");
            s.reference("assignments = \"az/{snapshot_at}/a.json\"");
        },
    ),
    case(
        "two_organisations",
        "",
        "The partners give one tenant to two organisations.",
        &["ref/partners.csv", "cccccccc-0000-4000-8000-000000000001", "contoso", "fabrikam"],
        |s| {
            s.write("ref/partners.csv", "mpn_id,organisation_id,tenant_id,agreement_from,agreement_until\n1,contoso,cccccccc-0000-4000-8000-000000000001,,\n2,fabrikam,cccccccc-0000-4000-8000-000000000001,,\n");
        },
    ),
    case(
        "lists_too_close",
        "",
        "Every row of a list has an instant of its own.",
        &["ref/a.csv", "snapshot_at", "2026-09-10T02:00:00Z", "2026-09-10T02:05:00Z"],
        |s| {
            let row = |at: &str| format!("{at},a,bbbbbbbb-0000-4000-8000-000000000001,Group,r,/subscriptions/s,\n");
            s.write("ref/a.csv", format!("{LIST}\n{}{}", row("2026-09-10T02:00:00Z"), row("2026-09-10T02:05:00Z")));
            s.reference("assignments = \"ref/a.csv\"");
        },
    ),
    // Questions
    case("no_charges", "", "The question is about a day without charges.", &["2026-09-21"], |s| {
        s.arguments(&["explain", "job.toml", "--date", "2026-09-21", "--resource", "/subscriptions/55555555-0000-4000-8000-000000000001"]);
    }),
    case("not_an_arm_id", "", "The question names a resource by its short name.", &["vm-1"], |s| {
        s.arguments(&["explain", "job.toml", "--date", "2026-09-20", "--resource", "vm-1"])
    }),
    case("no_such_row", "", "The question is about a row beyond the last.", &["a.csv", "2 rows"], |s| {
        s.arguments(&["explain", "job.toml", "--line", "a.csv:3"])
    }),
    case("no_such_file", "", "The question is about a file the job does not read.", &["b.csv"], |s| s.arguments(&["explain", "job.toml", "--line", "b.csv:1"])),
    // Rows
    Case {
        code: "too_many_rejections",
        name: "",
        cause: "One of two charges has a quantity in words.",
        exit: 7,
        says: &["limits.rejections", "1 of 2"],
        build: |s| s.write("charges/a.csv", format!("{HEADER}\n{ROW}\n{}\n", ROW.replace(",1,", ",one,"))),
    },
];
