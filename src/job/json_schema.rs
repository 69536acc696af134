//! The JSON Schema of the job file: editors complete and check job files with it (`pecan schema`).
//!
//! Which keys there are comes from [`keys`], words and bounds from where they are read: a key or word that is new there is new
//! here. The schema is never stricter than the program: what runs must not be marked red. It cannot know files, names that are
//! given twice, or what a `${NAME}` will be; the program says those.

use pecan_core::rules::{MonthRules, Rules};
use serde_json::{Map, Value, json};

use super::reading::Bound;
use super::{Layout, Limits, inputs, keys, output, switches};

/// What a text with an environment variable in it may turn out to be, nobody knows yet.
const VARIABLE: &str = r"\$\{";
/// An instant as texts and TOML dates write it: ISO, or `M/D/YYYY`.
const INSTANT: &str = r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4})|\$\{";

/// The JSON Schema (draft 2020-12) of a job file: every key with what it means, its type, default, words and examples.
pub fn json_schema() -> Value {
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pecan job file",
        "description": "What pecan reads, by which rules it decides, and where it writes. Relative paths start at the job file; ${NAME} takes an environment variable. Credentials never stand here.",
    });
    merged(head, table(keys::ROOT, &["charges", "audit", "reference", "output"], root_key))
}

fn root_key(key: &str) -> Value {
    match key {
        "name" => {
            json!({ "description": "Name of the job in reports. Default: the file's name without extension.", "type": "string", "pattern": one_line(""), "examples": ["daily"] })
        }
        "schedule" => json!({
            "description": "When the job is to run: five cron fields (minute hour day month weekday). pecan itself starts nothing.",
            "type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$|\$\{", "examples": ["15 5 * * *"],
        }),
        "cutoff" => instant("Last instant up to which the audit log is known to be complete. Default: the newest audit record."),
        "charges" => sources("Priced meter records: one [charges] table, or several [[charges]] with names.", keys::CHARGES, charges_key),
        "audit" => sources("Audit logs: one [audit] table, or several [[audit]] with names.", keys::AUDIT, audit_key),
        "reference" => merged(
            json!({ "description": "Who the partners are, what they were given, and what earns. Each table is a path or wildcard of Parquet or CSV files, or a list of them." }),
            table(keys::REFERENCE, &["partners", "principals"], reference_key),
        ),
        "rules" => described(
            "Switches where Microsoft's pages leave a choice. All are optional; the defaults decide against credit.",
            table(keys::RULES, &[], rules_key),
        ),
        "output" => described("Where the tables are written, and how.", table(keys::OUTPUT, &["uri"], output_key)),
        "limits" => described("How much may be wrong before the program stops.", table(keys::LIMITS, &[], limits_key)),
        _ => Value::Null,
    }
}

fn charges_key(key: &str) -> Value {
    match key {
        "uri" => path("The folder an export writes to, or with layout = \"files\" a folder, file or wildcard.", "exports/contoso/"),
        "format" => words(
            "How the files are laid out inside: \"cost-management\" is the partner's Cost Management export of actual cost.",
            &inputs::CHARGE_FORMATS,
            None,
        ),
        "layout" => {
            let text = "How the files are found: \"export\" by the manifests Cost Management writes, \"files\" is a plain folder, file or wildcard.";
            words(text, &names(&inputs::LAYOUTS), switches::word_of(&inputs::LAYOUTS, Layout::Export))
        }
        _ => source_key(key, "charges"),
    }
}

fn audit_key(key: &str) -> Value {
    match key {
        "uri" => path("A folder, file or wildcard of audit files.", "activity/"),
        "format" => {
            let text = "How the files are laid out inside: \"azure-activity\" is the Log Analytics table AzureActivity, \"activity-log-json\" the log as a storage account or `az` gives it.";
            words(text, &names(&inputs::AUDIT_FORMATS), None)
        }
        _ => source_key(key, "audit"),
    }
}

fn source_key(key: &str, table: &str) -> Value {
    match key {
        "name" => json!({
            "description": format!("Tells several sources apart, in the output too. Default for a single table: \"{table}\"."),
            "type": "string", "pattern": one_line("/:#@"), "examples": ["contoso"],
        }),
        _ => Value::Null,
    }
}

/// What a reference table is, and its columns.
fn reference_key(key: &str) -> Value {
    let text = match key {
        "assignments" => {
            "Lists of role assignments, each with the instant it was taken: snapshot_at, snapshot_scope, id, principal_id, role_definition_id, scope, created_on; or JSON as `az role assignment list --all` prints it. Paths may have {snapshot_at} and {subscription_id} in place of folders."
        }
        "partners" => "Partners and their agreements: mpn_id, organisation_id, tenant_id, agreement_from, agreement_until.",
        "principals" => "Whose access is whose: principal_id, mpn_id, channel (aobo, pal, lighthouse), linked_from, linked_until.",
        "group_members" => "Members of groups: group_id, member_id, member_from, member_until.",
        "lighthouse_definitions" => "What a Lighthouse delegation gives: definition_id, principal_id, role_definition_id, valid_from, valid_until.",
        "lighthouse_assignments" => {
            "Lists of Lighthouse delegations, each with the instant it was taken: snapshot_at, snapshot_scope, id, scope, definition_id, created_on; or JSON as `az managedservices assignment list` prints it."
        }
        "roles" => "Roles that earn or do not, beyond Microsoft's list: role_definition_id, role_name, earns, valid_from, valid_until.",
        "rates" => "Rates other than the documented one: meter_id or product_id, rate, valid_from, valid_until.",
        "products" => "Products that do not earn: product_id or meter_id, kind (third_party, legacy, …), valid_from, valid_until.",
        "management_groups" => "Subscriptions below management groups: management_group_id (`/` for the root), subscription_id.",
        "statement" => "Microsoft's invoice reconciliation files, columns as Microsoft names them. `pecan reconcile` reads them, a run does not.",
        _ => return Value::Null,
    };
    let list = inputs::LISTS.contains(&key);
    let file = json!({ "anyOf": [
        path("A path or wildcard.", &format!("ref/{key}.csv")),
        table(if list { keys::SNAPSHOT_FILE } else { keys::REFERENCE_FILE }, &["uri"], reference_file_key),
    ] });
    let least = usize::from(matches!(key, "partners" | "principals"));
    let many = json!({ "type": "array", "items": file, "minItems": least });
    let single = file["anyOf"].as_array().cloned().unwrap_or_default();
    let choices: Vec<Value> = single.into_iter().chain([many]).collect();
    json!({ "description": text, "anyOf": choices, "examples": [format!("ref/{key}.csv")] })
}

fn reference_file_key(key: &str) -> Value {
    match key {
        "uri" => path(
            "A path or wildcard; of a list also with {snapshot_at} and {subscription_id} in place of folders.",
            "az/{snapshot_at}/role-assignments/{subscription_id}.json",
        ),
        "snapshot_at" => instant("When the list was taken, for files that do not say it themselves."),
        "snapshot_scope" => json!({
            "description": "What the list is complete for: a scope path. Default: everything. What a complete list lacks is taken for gone.",
            "type": "string", "pattern": r"\S", "examples": ["/subscriptions/00000000-0000-0000-0000-000000000000"],
        }),
        _ => Value::Null,
    }
}

fn rules_key(key: &str) -> Value {
    let rules = Rules::default();
    match key {
        "gap_tolerance_seconds" => {
            let text = "Seconds without access, added up over a day, that do not lose the day.";
            whole(text, switches::GAP_TOLERANCE_SECONDS, i64::from(rules.gap_tolerance_seconds))
        }
        "day_offset_minutes" => {
            whole("Minutes by which the usage day begins after midnight UTC.", switches::DAY_OFFSET_MINUTES, i64::from(rules.day_offset_minutes))
        }
        "combine_parties" => {
            let text = "Whether billed partner and reseller must each cover the day alone (\"each\") or may do so together (\"union\").";
            words(text, &names(&switches::COMBINE_PARTIES), switches::word_of(&switches::COMBINE_PARTIES, rules.combine_parties))
        }
        "unknown_roles" => {
            let text = "Whether roles that no table knows earn.";
            words(text, &names(&switches::UNKNOWN_ROLES), switches::word_of(&switches::UNKNOWN_ROLES, rules.unknown_roles))
        }
        "inherit_management_groups" => json!({
            "description": "Whether access at a management group covers the subscriptions that the table management_groups puts below it.",
            "type": "boolean", "default": rules.inherit_management_groups,
        }),
        "rate_source" => {
            let text =
                "Where the rate comes from: \"table\" is the table rates, else the documented one; \"statement\" is what Microsoft states on the charge.";
            words(text, &names(&switches::RATE_SOURCE), switches::word_of(&switches::RATE_SOURCE, rules.rate_source))
        }
        "credit_base" => {
            let text = "What the rate is applied to: list cost, or net cost where that is smaller.";
            words(text, &names(&switches::CREDIT_BASE), switches::word_of(&switches::CREDIT_BASE, rules.credit_base))
        }
        "statement_rows" => {
            let text = "Which rows of export and invoice month end compares: \"usage\" counts purchases, refunds and seats apart.";
            words(text, &names(&switches::STATEMENT_ROWS), switches::word_of(&switches::STATEMENT_ROWS, MonthRules::default().statement_rows))
        }
        _ => Value::Null,
    }
}

fn output_key(key: &str) -> Value {
    match key {
        "uri" => path("The folder of the tables. Each format needs one of its own.", "out/"),
        "format" => words(
            "Delta Lake, or Parquet files with a manifest of the live ones.",
            &names(&output::FORMATS),
            switches::word_of(&output::FORMATS, Default::default()),
        ),
        "compression" => {
            let text = "Compression of output columns: \"keep\" as in the source where columns pass through, \"zstd\" everywhere.";
            words(text, &names(&output::COMPRESSIONS), switches::word_of(&output::COMPRESSIONS, Default::default()))
        }
        "keep_inputs" => {
            let text = "What is kept to recompute a past run: reference tables and role-related audit records, or nothing.";
            words(text, &names(&output::KEEP_INPUTS), switches::word_of(&output::KEEP_INPUTS, Default::default()))
        }
        "carry" => json!({
            "description": "Further input columns to carry through to fact_credit_line, names as in the source.",
            "type": "array", "items": { "type": "string", "pattern": r"\S" }, "uniqueItems": true, "default": [], "examples": [["tags", "meterCategory"]],
        }),
        _ => Value::Null,
    }
}

fn limits_key(key: &str) -> Value {
    let limits = Limits::default();
    match key {
        "tolerance" => json!({
            "description": "Differences from the statement up to this amount per currency are fine. In quotes, so that it stays exact.",
            "type": ["string", "integer"], "pattern": r"^\s*[0-9]|^\s*\.[0-9]|\$\{", "minimum": 0, "default": limits.tolerance, "examples": ["0.01"],
        }),
        "rejections" => json!({
            "description": "How many of the charge rows read in a run may be rejections: a percentage, or a count. With more nothing is committed.",
            "type": ["string", "integer"], "minimum": 0, "default": limits.rejections.to_string(), "examples": ["0.1%", 25],
            "pattern": r"^\s*([0-9]+|(100(\.0{1,12})?|0?[0-9]{1,2}(\.[0-9]{1,12})?)\s*%)\s*$|\$\{",
        }),
        _ => Value::Null,
    }
}

/// A table with these keys and no others.
fn table(keys: &[&str], required: &[&str], describe: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.to_string(), describe(key))).collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = Value::from(required);
    }
    object
}

/// One table, or a list of tables which have names once there are several.
fn sources(text: &str, keys: &[&str], describe: fn(&str) -> Value) -> Value {
    let source = table(keys, &["uri", "format"], describe);
    let named = json!({ "items": { "required": ["name"] } });
    let several = json!({ "type": "array", "items": source, "minItems": 1, "if": { "minItems": 2 }, "then": named });
    json!({ "description": text, "anyOf": [source, several] })
}

fn path(text: &str, example: &str) -> Value {
    json!({ "description": text, "type": "string", "pattern": r"\S", "examples": [example] })
}

fn instant(text: &str) -> Value {
    json!({ "description": text, "type": "string", "pattern": INSTANT, "examples": ["2026-10-31T06:00:00Z"] })
}

fn whole(text: &str, bound: Bound, default: i64) -> Value {
    json!({ "description": text, "type": "integer", "minimum": bound.least, "maximum": bound.most, "default": default })
}

fn words(text: &str, words: &[&str], default: Option<&str>) -> Value {
    let mut value = json!({ "description": text, "type": "string", "anyOf": [{ "enum": words }, { "pattern": VARIABLE }] });
    if let Some(default) = default {
        value["default"] = Value::from(default);
    }
    value
}

fn names<'a, T>(words: &[(&'a str, T)]) -> Vec<&'a str> {
    words.iter().map(|(word, _)| *word).collect()
}

/// A text that is not empty, on one line, without some characters.
fn one_line(without: &str) -> String {
    format!(r"^[^\u0000-\u001f\u007f-\u009f{without}]*[^\s\u0000-\u001f\u007f-\u009f{without}][^\u0000-\u001f\u007f-\u009f{without}]*$")
}

fn described(text: &str, value: Value) -> Value {
    merged(json!({ "description": text }), value)
}

fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            first.extend(second);
            Value::Object(first)
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key that may be typed, dotted, with its part of the schema.
    fn keys_of(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        for (key, part) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            found.push((path.clone(), part.clone()));
            keys_of(part, &path, found);
            part["anyOf"].as_array().into_iter().flatten().for_each(|choice| keys_of(choice, &path, found));
        }
    }

    #[test]
    fn every_key_of_the_program_is_described_and_no_other() {
        let mut found = Vec::new();
        keys_of(&json_schema(), "", &mut found);
        let undescribed: Vec<&str> =
            found.iter().filter(|(_, part)| part["description"].as_str().is_none_or(str::is_empty)).map(|(key, _)| key.as_str()).collect();
        assert_eq!(undescribed, [""; 0], "describe them in job/json_schema.rs");
        let below = |section: &str| -> Vec<String> {
            let of = |key: &String| match (section, key.rsplit_once('.')) {
                ("", None) => Some(key.clone()),
                (_, Some((before, last))) if before == section => Some(last.to_string()),
                _ => None,
            };
            let mut keys: Vec<String> = found.iter().filter_map(|(key, _)| of(key)).collect();
            keys.dedup();
            keys
        };
        let sections = [("", keys::ROOT), ("charges", keys::CHARGES), ("audit", keys::AUDIT), ("reference", keys::REFERENCE), ("rules", keys::RULES)];
        let more =
            [("output", keys::OUTPUT), ("limits", keys::LIMITS), ("reference.roles", keys::REFERENCE_FILE), ("reference.assignments", keys::SNAPSHOT_FILE)];
        for (section, known) in sections.into_iter().chain(more) {
            assert_eq!(below(section), known, "[{section}]");
        }
    }

    #[test]
    fn words_and_bounds_are_those_of_the_program() {
        let schema = json_schema();
        let part = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
        assert_eq!(part("/properties/audit/anyOf/0/properties/format/anyOf/0/enum"), json!(names(&inputs::AUDIT_FORMATS)));
        assert_eq!(part("/properties/charges/anyOf/1/items/properties/layout/default"), json!("export"));
        assert_eq!(part("/properties/output/properties/format/anyOf/0/enum"), json!(["delta", "parquet"]));
        assert_eq!(part("/properties/rules/properties/combine_parties/default"), json!("each"));
        assert_eq!(part("/properties/rules/properties/day_offset_minutes/minimum"), json!(-1439));
        assert_eq!(part("/properties/limits/properties/rejections/default"), json!("0.1%"));
    }
}
