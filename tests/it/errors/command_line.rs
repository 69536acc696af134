//! What is wrong with a command line or a job file (exit 2).

use super::scene::{Case, Scene};

const fn case(code: &'static str, name: &'static str, cause: &'static str, says: &'static [&'static str], build: fn(&mut Scene)) -> Case {
    Case { code, name, cause, exit: 2, says, build }
}

pub const CASES: &[Case] = &[
    // Command lines
    case("generate_arguments", "rows", "generate is to make no rows.", &["--rows", "1 to 1000000000000 rows"], |s| {
        s.arguments(&["generate", "--rows", "0", "made"])
    }),
    case("generate_arguments", "files", "generate is to make fewer files than months.", &["--files", "40 days", "one file a month"], |s| {
        s.arguments(&["generate", "--rows", "99", "--days", "40", "--files", "1", "made"]);
    }),
    case("generate_folder", "", "generate is given a folder that holds files.", &["not empty"], |s| s.arguments(&["generate", "--rows", "10", "."])),
    case("init_exists", "", "There is a job file already where init is to write one.", &["job.toml", "--force"], |s| s.arguments(&["init", "."])),
    case("init_folder", "", "init is given a file as its folder.", &["job.toml", "not a folder"], |s| s.arguments(&["init", "job.toml"])),
    case("job_not_yet", "init", "init is to look into an object store.", &["s3://"], |s| s.arguments(&["init", "new", "s3://bucket/exports"])),
    case("usage", "command", "The command is misspelt.", &["rum"], |s| s.arguments(&["rum", "job.toml"])),
    case("usage", "option", "The option --force is misspelt.", &["--forse", "--force"], |s| s.arguments(&["run", "job.toml", "--forse"])),
    case("usage_days", "", "The days of --from and --until are swapped.", &["--until", "2026-10-01"], |s| {
        s.arguments(&["run", "job.toml", "--from", "2026-10-02", "--until", "2026-10-01"]);
    }),
    case("usage_line", "", "--line names a file and no row.", &["--line", "[SOURCE:]FILE:ROW"], |s| s.arguments(&["explain", "job.toml", "--line", "a.csv"])),
    case("job_set", "no-value", "--set names a key and gives no value.", &["--set"], |s| s.arguments(&["run", "job.toml", "--set", "output.uri"])),
    case("job_set", "no-such-source", "--set names a source the job does not have.", &["--set", "contoso", "csp"], |s| {
        s.job("[[audit]]", "[[charges]]\nname = \"eur\"\nuri = \"eur/\"\nformat = \"cost-management\"\n\n[[audit]]");
        s.arguments(&["run", "job.toml", "--set", "charges.contoso.uri=x"]);
    }),
    case("run_unknown", "", "verify is given an id that no run has.", &["0198d2c4", "latest"], |s| {
        s.succeed();
        s.arguments(&["verify", "job.toml", "--run", "0198d2c4-7a3e-7c1e-9d0a-3b1f5e6a7b8c"]);
    }),
    // The file
    case("job_not_readable", "", "There is no job file of that name.", &["nowhere.toml"], |s| s.arguments(&["run", "nowhere.toml"])),
    case("job_syntax", "", "The value of the first key is missing.", &["job.toml:1:"], |s| s.job("name = \"small\"", "name = ")),
    // Keys
    case(
        "job_unknown_key",
        "misspelt",
        "A key of [rules] is misspelt.",
        &["job.toml:19:1", "gap_tolerence_seconds", "Did you mean \"gap_tolerance_seconds\"?"],
        |s| {
            s.job("[output]", "[rules]\ngap_tolerence_seconds = 1\n[output]");
        },
    ),
    case("job_unknown_key", "other-table", "A key of [output] stands in [limits].", &["carry", "belongs in [output]"], |s| {
        s.job("[output]", "[limits]\ncarry = [\"tags\"]\n[output]");
    }),
    case("job_unknown_key", "set", "A key of --set is misspelt.", &["--set", "rules.unknown_role", "\"unknown_roles\""], |s| {
        s.arguments(&["run", "job.toml", "--set", "rules.unknown_role=yes"]);
    }),
    case("job_missing_key", "table", "The table [output] is missing.", &["output"], |s| s.job("[output]\nuri = \"out/\"\n", "")),
    case("job_missing_key", "key", "The key partners of [reference] is missing.", &["partners"], |s| s.job("partners = \"ref/partners.csv\"\n", "")),
    case("job_duplicate_name", "", "Two audit logs have the same name.", &["activity"], |s| {
        s.job("[reference]", "[[audit]]\nname = \"activity\"\nuri = \"audit/\"\nformat = \"azure-activity\"\n[reference]");
    }),
    case("job_credentials", "", "A key of a storage account stands in the job file.", &["account_key"], |s| s.job("[output]", "[output]\naccount_key = \"x\"")),
    // Values
    case("job_type", "", "The name of the job is a number.", &["job.toml:1:8", "a whole number"], |s| s.job("\"small\"", "3")),
    case("job_value", "share", "More than all rows may be rejections.", &["limits.rejections", "101%"], |s| {
        s.job("[output]", "[limits]\nrejections = \"101%\"\n[output]");
    }),
    case("job_value", "json-table", "The partners are named as a JSON file.", &["partners.json"], |s| s.job("ref/partners.csv", "ref/partners.json")),
    case("job_word", "", "The layout is misspelt.", &["layout", "Did you mean \"files\"?"], |s| s.job("\"files\"", "\"file\"")),
    case("job_not_yet", "format", "The charges are of a format that a later version reads.", &["focus"], |s| s.job("cost-management", "focus")),
    case("store_uri", "scheme", "The output is on a web server.", &["https://example.com/out"], |s| {
        s.job("uri = \"out/\"", "uri = \"https://example.com/out\"")
    }),
    case("store_uri", "input-secret", "The uri of the charges has a signature in it.", &["charges.uri", "a query or a password"], |s| {
        s.job("uri = \"charges/\"", "uri = \"https://account.blob.core.windows.net/c/charges?sig=hunter2\"");
    }),
    case("store_uri", "secret", "The output's uri has a signature in it.", &["a query or a password"], |s| {
        s.job("uri = \"out/\"", "uri = \"https://account.blob.core.windows.net/c/out?sig=hunter2\"");
    }),
    case("job_location", "", "The charges are on an FTP server.", &["job.toml:5:7"], |s| s.job("uri = \"charges/\"", "uri = \"ftp://host/charges\"")),
    case("job_environment", "", "A path needs an environment variable that is not set.", &["PECAN_NOT_SET", "job.toml:5:7"], |s| {
        s.job("uri = \"charges/\"", "uri = \"${PECAN_NOT_SET}/charges\"");
    }),
    case("job_snapshot_at", "az", "What `az role assignment list` printed is named without the instant of the list.", &["ref/a.json", "snapshot_at"], |s| {
        s.reference("assignments = \"ref/a.json\"");
    }),
    case("job_snapshot_at", "az-under-another-name", "The same, in a file whose name does not say that it is JSON.", &["ref/list.txt", "snapshot_at"], |s| {
        s.write("ref/list.txt", "[]");
        s.reference("assignments = \"ref/list.txt\"");
    }),
    case("snapshot_scope", "", "The scope of a list is the name of a customer.", &["ref/a.json", "customer-1"], |s| {
        s.write("ref/a.json", "[]");
        s.reference("assignments = { uri = \"ref/a.json\", snapshot_at = \"2026-09-01T00:00:00Z\", snapshot_scope = \"customer-1\" }");
    }),
    case("carry_name", "", "A column is to be carried that a credit line has anyway.", &["Quantity"], |s| {
        s.job("[output]", "[output]\ncarry = [\"Quantity\"]")
    }),
    case("glob", "", "A brace of a wildcard is not closed.", &["charges/{a"], |s| s.job("uri = \"charges/\"", "uri = \"charges/{a\"")),
];
