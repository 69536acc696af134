//! Whole job files: what they mean, and the exact words said about what is wrong.

use super::*;

const JOB: &str = r#"
[charges]
uri = "exports/"
format = "cost-management"

[audit]
uri = "activity/*.parquet"
format = "azure-activity"

[reference]
partners = "ref/partners.csv"
principals = "ref/principals.csv"

[output]
uri = "out/"
"#;

fn environment(name: &str) -> Option<String> {
    (name == "DATA").then(|| "/data".to_string())
}

fn parse(text: &str, overrides: &[&str]) -> Result<Job> {
    let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
    Job::parse(Path::new("/jobs/daily.toml"), text, &overrides, &environment)
}

fn job(overrides: &[&str]) -> Job {
    parse(JOB, overrides).expect("a good job")
}

/// Code, place, seen and next, one per line.
fn trouble(text: &str, overrides: &[&str]) -> String {
    let error = parse(text, overrides).expect_err("a bad job");
    assert_eq!(error.exit_code(), 2);
    let t = error.trouble();
    format!("{}\n{}\n{}\n{}", t.code, t.place, t.seen, t.next)
}

#[test]
fn defaults_are_filled_in() {
    let job = job(&[]);
    assert_eq!((job.name.as_str(), job.root.as_path(), job.cutoff, job.schedule.clone()), ("daily", Path::new("/jobs"), None, None));
    let charges = ChargeSource {
        name: "charges".into(),
        uri: "/jobs/exports".into(),
        uri_as_written: "exports/".into(),
        format: ChargeFormat::CostManagement,
        layout: Layout::Export,
    };
    assert_eq!(job.charges, [charges]);
    assert_eq!((job.audit[0].name.as_str(), job.audit[0].uri.as_str()), ("audit", "/jobs/activity/*.parquet"));
    assert_eq!(job.rules, Rules::default());
    assert_eq!(job.limits, Limits::default());
    let output =
        OutputSpec { uri: "/jobs/out".into(), format: OutputFormat::Delta, compression: Compression::Keep, keep_inputs: KeepInputs::Reference, carry: vec![] };
    assert_eq!(job.output, output);
    assert_eq!(job.reference.partners[0].uri, "/jobs/ref/partners.csv");
    assert!(job.reference.assignments.is_empty());
}

#[test]
fn every_key_of_the_contract_is_read() {
    let text = include_str!("../../tests/job_files/good/every-key.toml");
    let job = parse(text, &[]).expect("all keys");
    assert_eq!((job.charges[0].uri.as_str(), job.charges[0].uri_as_written.as_str()), ("/data/contoso", "${DATA}/contoso"));
    assert_eq!((job.charges[1].uri.as_str(), job.charges[1].layout), ("/data/fabrikam", Layout::Files));
    assert_eq!(job.cutoff, pecan_core::time::parse_instant("2026-10-31T06:00:00Z"));
    let listed = &job.reference.assignments[1];
    assert_eq!((listed.snapshot_at, listed.snapshot_scope.as_deref()), (job.cutoff, Some("/subscriptions/1")));
    assert_eq!((job.limits.tolerance.as_str(), job.limits.rejections), ("0.05", RejectionLimit::Count(25)));
    let expect = "rules.gap_tolerance_seconds=86400\nrules.day_offset_minutes=-1439\nrules.combine_parties=union\nrules.unknown_roles=yes\n\
                  rules.inherit_management_groups=false\nrules.rate_source=statement\nrules.credit_base=net\noutput.carry=[\"tags\",\"meterCategory\"]\npecan.schema=1\n";
    assert_eq!(job.describe(), expect);
}

#[test]
fn overrides_win_and_unquoted_text_is_text() {
    let job = job(&[
        "charges.uri=other/",
        "name=2026",
        "limits.tolerance=0.02",
        "limits.rejections=5%",
        "rules.unknown_roles=yes",
        "cutoff=2026-10-31T06:00:00Z",
        "audit.audit.name=log",
    ]);
    assert_eq!((job.charges[0].uri.as_str(), job.name.as_str(), job.limits.tolerance.as_str()), ("/jobs/other", "2026", "0.02"));
    assert!(job.rules.unknown_roles && job.cutoff.is_some() && job.audit[0].name == "log");
    let text = JOB.replace("exports/", "${MISSING}");
    assert!(parse(&text, &["charges.uri=here"]).is_ok(), "an overridden value needs no variable");
}

#[test]
fn unknown_keys_name_line_column_and_the_nearest_key() {
    let text = format!("{JOB}[rules]\n  gap_tolerence_seconds = 1\n");
    let keys = "gap_tolerance_seconds, day_offset_minutes, combine_parties, unknown_roles, inherit_management_groups, rate_source, credit_base, statement_rows";
    let expect = format!(
        "job_unknown_key\n/jobs/daily.toml:17:3\nthe unknown key \"rules.gap_tolerence_seconds\"\nDid you mean \"gap_tolerance_seconds\"? Keys allowed here: {keys}."
    );
    assert_eq!(trouble(&text, &[]), expect);
    let expect = "job_unknown_key\n--set output.cary\nthe unknown key \"output.cary\"\nDid you mean \"carry\"? Keys allowed here: uri, format, compression, keep_inputs, carry.";
    assert_eq!(trouble(JOB, &["output.cary=x"]), expect);
    assert!(trouble(JOB, &["output.account_key=hunter2"]).starts_with("job_credentials\n--set output.account_key\n"));
    assert!(!trouble(JOB, &["output.account_key=hunter2"]).contains("hunter2"));
    assert!(trouble(JOB, &["alerts.missing_day_after=48h"]).starts_with("job_not_yet\n"));
}

#[test]
fn wrong_types_words_and_numbers_list_what_is_allowed() {
    let cases = [
        (
            "rules.unknown_roles=yess",
            "job_word\n--set rules.unknown_roles\n\"rules.unknown_roles\" is \"yess\"\nDid you mean \"yes\"? Allowed: \"no\", \"yes\".",
        ),
        (
            "rules.day_offset_minutes=1440",
            "job_value\n--set rules.day_offset_minutes\n\"rules.day_offset_minutes\" is 1440\nWrite a whole number from -1439 to 1439.",
        ),
        (
            "rules.gap_tolerance_seconds=-1",
            "job_value\n--set rules.gap_tolerance_seconds\n\"rules.gap_tolerance_seconds\" is -1\nWrite a whole number from 0 to 86400.",
        ),
        (
            "rules.gap_tolerance_seconds=1.5",
            "job_type\n--set rules.gap_tolerance_seconds\n\"rules.gap_tolerance_seconds\" is a number\nWrite a whole number from 0 to 86400.",
        ),
        (
            "rules.inherit_management_groups=no",
            "job_type\n--set rules.inherit_management_groups\n\"rules.inherit_management_groups\" is text\nWrite true or false (without quotes).",
        ),
        ("output.uri=", "job_value\n--set output.uri\n\"output.uri\" is an empty text\nWrite text that is not empty."),
        ("output=7", "job_type\n--set output\n\"output\" is a whole number\nWrite a table."),
        ("cutoff=soon", "job_value\n--set cutoff\n\"cutoff\" is \"soon\"\nWrite an instant such as \"2026-10-31T06:00:00Z\"."),
        (
            "charges.format=focus",
            "job_not_yet\n--set charges.format\n\"charges.format\" is \"focus\"\nThis version reads \"cost-management\" here; \"focus\" comes with a later one.",
        ),
        (
            "audit.format=activity-log-jsn",
            "job_word\n--set audit.format\n\"audit.format\" is \"activity-log-jsn\"\nDid you mean \"activity-log-json\"? Allowed: \"azure-activity\", \"activity-log-json\".",
        ),
        (
            "charges.format=cost-managment",
            "job_word\n--set charges.format\n\"charges.format\" is \"cost-managment\"\nDid you mean \"cost-management\"? Allowed: \"cost-management\".",
        ),
        (
            "limits.rejections=lots",
            "job_value\n--set limits.rejections\n\"limits.rejections\" is \"lots\"\nWrite a percentage from \"0%\" to \"100%\" (at most 12 places) or a count of rows such as 25.",
        ),
        (
            "limits.tolerance=-0.01",
            "job_value\n--set limits.tolerance\n\"limits.tolerance\" is \"-0.01\"\nWrite an amount of at least 0 in quotes, such as \"0.01\".",
        ),
        (
            "schedule=daily",
            "job_value\n--set schedule\n\"schedule\" is \"daily\"\nWrite five cron fields: minute hour day month weekday, such as \"15 5 * * *\".",
        ),
        ("charges.name=a/b", "job_value\n--set charges.name\n\"charges.name\" is \"a/b\"\nWrite a name without \"/\", \":\", \"#\" and \"@\"."),
    ];
    for (argument, expect) in cases {
        assert_eq!(trouble(JOB, &[argument]), expect);
    }
    assert!(trouble(&format!("name = 7\n{JOB}"), &[]).starts_with("job_type\n/jobs/daily.toml:1:8\n\"name\" is a whole number\n"));
    assert!(trouble(&format!("{JOB}[limits]\nrejections = 0.1\n"), &[]).contains("\"limits.rejections\" is 0.1"));
}

#[test]
fn what_must_be_there_is_asked_for_with_an_example() {
    assert!(trouble("", &[]).contains("no key \"charges\"\nAdd it, for example [charges] with uri"));
    let without = |line: &str| trouble(&JOB.replace(line, ""), &[]);
    assert!(
        without("partners = \"ref/partners.csv\"\n")
            .contains("[reference]\nno key \"reference.partners\"\nAdd it, for example partners = \"ref/partners.csv\"")
    );
    assert!(without("format = \"azure-activity\"\n").contains("no key \"audit.format\""));
    assert!(without("uri = \"out/\"\n").contains("no key \"output.uri\""));
    let two = JOB.replace("[charges]", "[[charges]]\nname = \"a\"\nuri = \"x\"\nformat = \"cost-management\"\n[[charges]]\nname = \"a\"");
    assert!(trouble(&two, &[]).starts_with("job_duplicate_name\n"));
    assert!(trouble(&two.replace("name = \"a\"\nuri = \"exports/\"", "uri = \"exports/\""), &[]).contains("no key \"charges.1.name\""));
    assert!(trouble(JOB, &["charges=[]"]).contains("\"charges\" is an empty list"));
}

#[test]
fn json_lists_need_their_stamp() {
    assert!(
        trouble(JOB, &["reference.assignments=ref/*.JSON"])
            .starts_with("job_snapshot_at\n--set reference.assignments\n\"reference.assignments\" is the JSON file \"ref/*.JSON\" without snapshot_at\n")
    );
    assert!(trouble(JOB, &["reference.roles=r.json"]).contains("only role assignments and Lighthouse delegations may be JSON"));
    assert!(trouble(JOB, &["reference.roles={uri = \"r.csv\", snapshot_at = \"2026-01-01\"}"]).contains("the unknown key \"reference.roles.snapshot_at\""));
    assert!(trouble(JOB, &["reference.assignments=[[\"a\"]]"]).contains("\"reference.assignments.0\" is a list\nWrite a path or glob"));
    assert!(parse(JOB, &["reference.assignments={uri = \"a.json\", snapshot_at = \"2026-01-01\"}"]).is_ok());
}

#[test]
fn a_path_may_say_when_a_list_was_taken() {
    let job = parse(JOB, &["reference.assignments=az/{snapshot_at}/{subscription_id}.json", "reference.roles=r/{a,b}.csv"]).unwrap();
    let file = &job.reference.assignments[0];
    assert!(file.uri.ends_with("/az/*/*.json") && file.uri_as_written == "az/{snapshot_at}/{subscription_id}.json", "{file:?}");
    assert!(file.pattern.as_ref().is_some_and(|pattern| pattern.tells_when()));
    assert!(parse(JOB, &["reference.lighthouse_definitions=az/*/d.json"]).is_ok(), "definitions need no stamp");
    assert!(trouble(JOB, &["reference.assignments=az/{subscription_id}.json"]).starts_with("job_snapshot_at\n"), "the path says of what, not when");
    assert!(trouble(JOB, &["reference.assignments=az/{snapshot}/a.json"]).contains("{snapshot}"));
    let twice = "reference.assignments={uri = \"az/{snapshot_at}/a.json\", snapshot_at = \"2026-01-01\"}";
    assert!(trouble(JOB, &[twice]).contains("{snapshot_at} in the uri and snapshot_at beside it"));
}

#[test]
fn carried_columns_do_not_collide() {
    let expect = "carry_name\n--set output.carry\n\"output.carry\" has \"Quantity\": fact_credit_line has a column of this name\nLeave it out: the table has it already.";
    assert_eq!(trouble(JOB, &["output.carry=[\"tags\", \"Quantity\"]"]), expect);
    assert!(trouble(JOB, &["output.carry=[\"tags\", \"Tags\"]"]).contains("listed twice"));
    let at = format!("{JOB}carry = [\"tags\",\n  \"cost center\"]\n");
    assert!(trouble(&at, &[]).starts_with("carry_name\n/jobs/daily.toml:17:3\n\"output.carry\" has \"cost center\": a Delta table"));
    assert!(trouble(JOB, &["output.carry=tags"]).contains("\"output.carry\" is text\nWrite a list of texts"));
    assert_eq!(job(&["output.carry=[\"tags\"]"]).output.carry, ["tags"]);
}

#[test]
fn a_missing_job_file_is_a_usage_error() {
    let error = Job::load(Path::new("/nowhere/at/all.toml"), &[]).expect_err("missing");
    assert_eq!((error.exit_code(), error.trouble().code), (2, "job_not_readable"));
    if cfg!(target_os = "linux") {
        // Reading the first byte of this file fails as on a bad disk (EIO): that is for the scheduler, not for the writer of the job.
        let error = Job::load(Path::new("/proc/self/mem"), &[]).expect_err("not mapped");
        assert_eq!((error.exit_code(), error.trouble().code), (5, "storage"));
    }
}

#[test]
fn lines_to_explain_are_read_with_and_without_source() {
    let job = job(&[]);
    let line = |text| Question::line(text, &job);
    let expect = |source: Option<&str>, file: &str, row| Question::Line { source: source.map(str::to_string), file: file.into(), row };
    assert_eq!(line("charges:a/b.csv:7").ok(), Some(expect(Some("charges"), "a/b.csv", 7)));
    assert_eq!(line("a/b.csv:7").ok(), Some(expect(None, "a/b.csv", 7)));
    assert_eq!(line("x:b.csv:7").ok(), Some(expect(None, "x:b.csv", 7)));
    for text in ["a.csv", "a.csv:0", "a.csv:x", ":1", "charges::1"] {
        assert!(line(text).is_err(), "{text}");
    }
    assert!(parse_day("2026-09-01").is_ok());
    for text in ["2026-9-1", "9/1/2026", "2026-02-30", "2026-09-01T00:00:00Z"] {
        assert!(parse_day(text).is_err(), "{text}");
    }
}
