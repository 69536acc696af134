//! What is wrong with a command line or a job file (exit 2).

use super::scene::Case;

const fn case(code: &'static str, says: &'static [&'static str], build: fn(&mut super::Scene)) -> Case {
    Case { code, exit: 2, says, build }
}

pub const CASES: &[Case] = &[
    case("usage", &["rum"], |s| s.arguments(&["rum", "job.toml"])),
    case("usage_days", &["--until", "2026-10-01"], |s| s.arguments(&["run", "job.toml", "--from", "2026-10-02", "--until", "2026-10-01"])),
    case("usage_line", &["--line", "[SOURCE:]FILE:ROW"], |s| s.arguments(&["explain", "job.toml", "--line", "a.csv"])),
    case("init_exists", &["job.toml", "--force"], |s| s.arguments(&["init", "."])),
    case("init_folder", &["job.toml", "not a folder"], |s| s.arguments(&["init", "job.toml"])),
    case("job_not_yet", &["s3://"], |s| s.arguments(&["init", "new", "s3://bucket/exports"])),
    case("job_not_readable", &["nowhere.toml"], |s| s.arguments(&["run", "nowhere.toml"])),
    case("job_syntax", &["job.toml:1:"], |s| s.job("name = \"small\"", "name = ")),
    case("job_unknown_key", &["job.toml:19:1", "gap_tolerence_seconds", "Did you mean \"gap_tolerance_seconds\"?"], |s| {
        s.job("[output]", "[rules]\ngap_tolerence_seconds = 1\n[output]");
    }),
    case("job_unknown_key", &["--set", "rules.unknown_role", "\"unknown_roles\""], |s| s.arguments(&["run", "job.toml", "--set", "rules.unknown_role=yes"])),
    case("job_missing_key", &["output"], |s| s.job("[output]\nuri = \"out/\"\n", "")),
    case("job_missing_key", &["partners"], |s| s.job("partners = \"ref/partners.csv\"\n", "")),
    case("job_type", &["job.toml:1:8", "a whole number"], |s| s.job("\"small\"", "3")),
    case("job_value", &["limits.rejections", "101%"], |s| s.job("[output]", "[limits]\nrejections = \"101%\"\n[output]")),
    case("job_value", &["partners.json"], |s| s.job("ref/partners.csv", "ref/partners.json")),
    case("job_word", &["layout", "Did you mean \"files\"?"], |s| s.job("\"files\"", "\"file\"")),
    case("job_duplicate_name", &["activity"], |s| {
        s.job("[reference]", "[[audit]]\nname = \"activity\"\nuri = \"audit/\"\nformat = \"azure-activity\"\n[reference]");
    }),
    case("job_not_yet", &["s3"], |s| s.job("uri = \"charges/\"", "uri = \"s3://bucket/charges\"")),
    case("job_not_yet", &["focus"], |s| s.job("cost-management", "focus")),
    case("job_location", &["job.toml:5:7"], |s| s.job("uri = \"charges/\"", "uri = \"ftp://host/charges\"")),
    case("job_credentials", &["account_key"], |s| s.job("[output]", "[output]\naccount_key = \"x\"")),
    case("job_set", &["--set"], |s| s.arguments(&["run", "job.toml", "--set", "output.uri"])),
    case("job_environment", &["PECAN_NOT_SET", "job.toml:5:7"], |s| s.job("uri = \"charges/\"", "uri = \"${PECAN_NOT_SET}/charges\"")),
    case("job_snapshot_at", &["ref/a.json", "snapshot_at"], |s| s.reference("assignments = \"ref/a.json\"")),
    case("job_snapshot_at", &["ref/list.txt", "snapshot_at"], |s| {
        s.write("ref/list.txt", "[]");
        s.reference("assignments = \"ref/list.txt\"");
    }),
    case("snapshot_scope", &["ref/a.json", "customer-1"], |s| {
        s.write("ref/a.json", "[]");
        s.reference("assignments = { uri = \"ref/a.json\", snapshot_at = \"2026-09-01T00:00:00Z\", snapshot_scope = \"customer-1\" }");
    }),
    case("carry_name", &["Quantity"], |s| s.job("[output]", "[output]\ncarry = [\"Quantity\"]")),
    case("glob", &["charges/{a"], |s| s.job("uri = \"charges/\"", "uri = \"charges/{a\"")),
];
