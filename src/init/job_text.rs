//! The job file that `init` writes: what was found, with a comment at each line a new hand would ask about.

use super::look::{Lists, Seen, Source};
use super::recognise::Kind;
use super::tables;

/// A job file, and the entries that could not be completed.
pub(super) struct JobText {
    pub text: String,
    /// What must be filled in before it can be used, with the place.
    pub open: Vec<String>,
}

/// Writes the job file.
pub(super) fn write(name: &str, seen: &Seen) -> JobText {
    let mut job = JobText { text: head(name), open: Vec::new() };
    job.charges(&seen.charges);
    job.audit(&seen.audit);
    job.reference(seen);
    job.text.push_str(FOOT);
    job
}

fn head(name: &str) -> String {
    format!(
        "\
# A pecan job. Paths are relative to this file; ${{NAME}} takes an environment variable; credentials never stand here.
#   pecan check job.toml    are the inputs what they should be, and what do likely mistakes cost?
#   pecan run job.toml      brings the output up to date; safe to run as often as you like
name = {name:?}
schedule = \"15 5 * * *\"                  # for the scheduler; exports of a day are complete some hours after midnight UTC
"
    )
}

const FOOT: &str = "
[output]
uri = \"out/\"                            # Delta tables; for Power BI, Fabric, Databricks, DuckDB
format = \"delta\"                        # or \"parquet\"
# carry = [\"tags\"]                      # further columns of the charges to carry through to fact_credit_line

[limits]
rejections = \"0.1%\"                     # more charge rows than this that cannot be understood: the run commits nothing

# [rules]                               # switches where Microsoft's pages leave a choice; the defaults decide against credit
# gap_tolerance_seconds = 0
# combine_parties = \"each\"              # or \"union\": provider and reseller may relay each other
";

impl JobText {
    fn charges(&mut self, sources: &[Source]) {
        if sources.is_empty() {
            self.open.push(String::from("charges: no export was found; put one into exports/ or name its folder under [charges]"));
            self.text.push_str("\n[charges]                               # TO DO: Cost Management export of a partner (actual cost), with its manifests\n");
            self.text.push_str("uri = \"exports/\"\nformat = \"cost-management\"\n");
        }
        for source in sources {
            self.text.push_str(&format!("\n[[charges]]\nname = {:?}\nuri = {:?}\nformat = {:?}\n", source.name, source.uri, source.format));
            if source.plain {
                self.text.push_str("layout = \"files\"                        # no manifests there: every file counts, so keep each month once\n");
            }
        }
    }

    fn audit(&mut self, sources: &[Source]) {
        if sources.is_empty() {
            self.open.push(String::from("audit: no activity log was found; `./collect.sh activity` fetches the last 90 days into activity/"));
            self.text.push_str("\n[audit]                                 # TO DO: the activity log; `./collect.sh activity` fetches it\n");
            self.text.push_str("uri = \"activity/\"\nformat = \"activity-log-json\"\n");
        }
        for source in sources {
            self.text.push_str(&format!("\n[[audit]]\nname = {:?}\nuri = {:?}\nformat = {:?}\n", source.name, source.uri, source.format));
        }
    }

    fn reference(&mut self, seen: &Seen) {
        self.text.push_str("\n[reference]\n");
        for table in ["partners", "principals"] {
            let named: Vec<String> = of_table(seen, table);
            let files = if named.is_empty() { vec![format!("{:?}", format!("reference/{table}.csv"))] } else { named };
            self.entry(table, &files, &[]);
        }
        for (kind, table) in [(Kind::RoleAssignments, "assignments"), (Kind::Registrations, "lighthouse_assignments")] {
            let (known, open): (Vec<&Lists>, Vec<&Lists>) = seen.lists.iter().filter(|list| list.kind == kind).partition(|list| !list.taken.is_empty());
            let mut files = of_table(seen, table);
            files.extend(known.iter().map(|list| format!("{:?}", list.uri)));
            for list in &open {
                self.open.push(format!("reference.{table}: say when {} was taken (snapshot_at) and for which subscription (snapshot_scope)", list.uri));
            }
            let open: Vec<String> =
                open.iter().map(|list| format!("{{ uri = {:?}, snapshot_at = \"TO DO\", snapshot_scope = \"/subscriptions/TO DO\" }}", list.uri)).collect();
            self.entry(table, &files, &open);
        }
        let definitions = seen.lists.iter().filter(|list| list.kind == Kind::Registrations && !list.taken.is_empty());
        let mut files = of_table(seen, "lighthouse_definitions");
        files.extend(definitions.map(|list| format!("{:?}", list.uri)));
        self.entry("lighthouse_definitions", &files, &[]);
        for table in tables::optional_tables().filter(|table| !table.starts_with("lighthouse")) {
            match of_table(seen, table) {
                named if named.is_empty() => self.text.push_str(&format!("# {table} = {:?}\n", format!("reference/{table}.csv"))),
                named => self.entry(table, &named, &[]),
            }
        }
    }

    /// `table = …`; entries that are not complete stand behind it as comments.
    fn entry(&mut self, table: &str, files: &[String], open: &[String]) {
        match files {
            [] if open.is_empty() && table.starts_with("lighthouse") => {}
            [] if open.is_empty() => {
                self.text.push_str(&format!("# {table} = \"az/{{snapshot_at}}/role-assignments/{{subscription_id}}.json\"   # `./collect.sh`\n"))
            }
            [] => {}
            [one] => self.text.push_str(&format!("{table} = {one}\n")),
            several => self.text.push_str(&format!("{table} = [\n    {},\n]\n", several.join(",\n    "))),
        }
        open.iter().for_each(|entry| self.text.push_str(&format!("# {table} = {entry}\n")));
    }
}

/// Tables that were found ready made.
fn of_table(seen: &Seen, table: &str) -> Vec<String> {
    seen.tables.iter().filter(|(name, _)| *name == table).map(|(_, uri)| format!("{uri:?}")).collect()
}
