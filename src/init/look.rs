//! Looks around at the places given: every file is recognised, and files that belong together become sources and lists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use uuid::Uuid;

use super::recognise::{Kind, kind};
use crate::error::Result;
use crate::job::{ChargeFormat, ChargeSource, Layout, path_instant};
use crate::source;
use crate::source::csv_file::CsvFile;
use crate::source::parquet_file::ParquetFile;
use crate::store::{self, InputFile};
use crate::table_file::{Written, written};

/// Folders of Delta tables and of our own output: not inputs.
const TABLE_MARKS: [&str; 2] = ["_delta_log", "_pecan"];

/// A source of charges or audit records, as it will stand in the job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub name: String,
    /// As in the job file: relative to it where that is shorter.
    pub uri: String,
    pub format: &'static str,
    /// Charges that no manifest lists.
    pub plain: bool,
    pub files: u64,
    pub bytes: u64,
}

/// A list of assignments, or several that one pattern names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lists {
    pub kind: Kind,
    /// With placeholders where the path says when and of what.
    pub uri: String,
    /// Instants the paths name; none: nothing says when the list was taken.
    pub taken: BTreeSet<String>,
    pub files: Vec<PathBuf>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub charges: Vec<Source>,
    pub audit: Vec<Source>,
    pub lists: Vec<Lists>,
    pub groups: Vec<InputFile>,
    pub partner_links: Vec<InputFile>,
    /// Reference tables: key and uri.
    pub tables: Vec<(&'static str, String)>,
    /// What is not used, and why.
    pub unused: Vec<(String, String)>,
}

/// A recognised file; `path` is absolute.
struct File {
    input: InputFile,
    path: PathBuf,
    kind: Kind,
}

impl Seen {
    /// Looks at files and folders. `job_folder` is where relative paths of the job file start.
    /// # Errors
    /// `Input` if a place does not exist, `Storage` if it cannot be read.
    pub fn around(places: &[PathBuf], job_folder: &Path) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut files = Vec::new();
        for place in places {
            let shown = place.display().to_string();
            let listed = store::list(&shown, &shown)?;
            let mut tables = BTreeMap::new();
            let local = listed.into_iter().filter_map(|input| Some((input.at.path()?.to_path_buf(), input)));
            let inputs = local.filter(|(path, _)| !in_a_table(path, &mut tables));
            let found: Vec<File> = inputs.map(|(path, input)| Ok(File { kind: kind(&input)?, path, input })).collect::<Result<_>>()?;
            files.extend(found);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        settle_empty_lists(&mut files);
        let below = Below { files: &files, job_folder };
        seen.exports(&below);
        seen.plain_charges(&below);
        seen.audit_logs(&below);
        seen.lists = below.lists();
        seen.rest(&below)?;
        Ok(seen)
    }

    /// One source per export folder: where manifests of several runs and months lie.
    fn exports(&mut self, below: &Below<'_>) {
        let manifests = below.of(|kind| kind == Kind::Manifest);
        let folders: BTreeSet<PathBuf> = manifests.iter().map(|file| export_folder(&file.path)).collect();
        for folder in folders {
            let shown = below.uri(&folder, true);
            let source = charge_source(&folder, &shown, Layout::Export);
            match source::locate(0, &source) {
                Ok(found) if found.groups.is_empty() => {
                    self.unused.push((shown, String::from("exports of other types than actual cost")));
                }
                Ok(found) => {
                    let files = found.groups.iter().flat_map(|group| &group.files);
                    let (count, bytes) = files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.bytes));
                    let name = name_of(&folder, &self.charges);
                    self.charges.push(Source { name, uri: shown, format: source::FORMAT, plain: false, files: count, bytes });
                }
                Err(error) => self.unused.push((shown, format!("an export that cannot be used: {}", error.trouble().seen))),
            }
        }
    }

    fn plain_charges(&mut self, below: &Below<'_>) {
        let listed: BTreeSet<PathBuf> = below.of(|kind| kind == Kind::Manifest).iter().map(|file| export_folder(&file.path)).collect();
        let plain: Vec<&File> =
            below.of(|kind| kind == Kind::Charges).into_iter().filter(|file| !listed.iter().any(|folder| file.path.starts_with(folder))).collect();
        for (folder, uri, files) in below.cover(&plain, Kind::Charges) {
            let name = name_of(&folder, &self.charges);
            let bytes = files.iter().map(|file| file.input.bytes).sum();
            self.charges.push(Source { name, uri, format: source::FORMAT, plain: true, files: files.len() as u64, bytes });
        }
    }

    fn audit_logs(&mut self, below: &Below<'_>) {
        for format in ["azure-activity", "activity-log-json"] {
            let records = below.of(|kind| kind == Kind::Audit(format));
            for (folder, uri, files) in below.cover(&records, Kind::Audit(format)) {
                let name = name_of(&folder, &self.audit);
                let bytes = files.iter().map(|file| file.input.bytes).sum();
                self.audit.push(Source { name, uri, format, plain: false, files: files.len() as u64, bytes });
            }
        }
    }

    fn rest(&mut self, below: &Below<'_>) -> Result<()> {
        let exports: Vec<PathBuf> = below.of(|kind| kind == Kind::Manifest).iter().map(|file| export_folder(&file.path)).collect();
        for file in below.files {
            let shown = || below.uri(&file.path, false);
            match file.kind {
                Kind::Groups => self.groups.push(file.input.clone()),
                Kind::PartnerLink => self.partner_links.push(file.input.clone()),
                Kind::Table(table) if has_rows(&file.input)? => self.tables.push((table, shown())),
                Kind::ChargesLater(format) => self.unused.push((shown(), format!("charges as {format}, which this version does not read"))),
                Kind::Unknown if !exports.iter().any(|folder| file.path.starts_with(folder)) && !is_ours(&file.path) => {
                    self.unused.push((shown(), String::from("not recognised")));
                }
                Kind::EmptyList => self.unused.push((shown(), String::from("an empty list of something unknown"))),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The recognised files, and where the job file will lie.
struct Below<'a> {
    files: &'a [File],
    job_folder: &'a Path,
}

impl<'a> Below<'a> {
    fn of(&self, wanted: impl Fn(Kind) -> bool) -> Vec<&'a File> {
        self.files.iter().filter(|file| wanted(file.kind)).collect()
    }

    /// A path as the job file names it.
    fn uri(&self, path: &Path, folder: bool) -> String {
        relative(self.job_folder, path) + if folder { "/" } else { "" }
    }

    /// Uris that name just these files: the folder above them if it holds nothing else, else wildcards folder by folder.
    fn cover(&self, wanted: &[&'a File], kind: Kind) -> Vec<(PathBuf, String, Vec<&'a File>)> {
        let Some(ancestor) = common_folder(wanted) else { return Vec::new() };
        let alone = self.files.iter().all(|file| file.kind == kind || !file.path.starts_with(&ancestor));
        if alone && ancestor != self.job_folder {
            return vec![(ancestor.clone(), self.uri(&ancestor, true), wanted.to_vec())];
        }
        let mut by_folder: BTreeMap<(PathBuf, String), Vec<&File>> = BTreeMap::new();
        for file in wanted {
            let folder = file.path.parent().map(Path::to_path_buf).unwrap_or_default();
            by_folder.entry((folder, ending(&file.path))).or_default().push(file);
        }
        let pattern = |folder: &Path, ending: &str| relative(self.job_folder, &folder.join(format!("*{ending}")));
        by_folder.into_iter().map(|((folder, ending), files)| (folder.clone(), pattern(&folder, &ending), files)).collect()
    }

    /// Lists that one pattern names go together.
    fn lists(&self) -> Vec<Lists> {
        let mut found: BTreeMap<(Kind, String), Lists> = BTreeMap::new();
        for file in self.of(|kind| matches!(kind, Kind::RoleAssignments | Kind::Registrations)) {
            let (uri, taken) = template(&self.uri(&file.path, false));
            let lists = found.entry((file.kind, uri.clone())).or_insert_with(|| Lists { kind: file.kind, uri, taken: BTreeSet::new(), files: Vec::new() });
            lists.taken.extend(taken);
            lists.files.push(file.path.clone());
        }
        found.into_values().collect()
    }
}

/// Puts placeholders where a path names an instant and a subscription.
fn template(uri: &str) -> (String, Option<String>) {
    let mut taken = None;
    let mut segments: Vec<String> = Vec::new();
    for segment in uri.split('/') {
        let (stem, ending) = segment.split_once('.').map_or((segment, ""), |(stem, _)| (stem, segment.get(stem.len()..).unwrap_or_default()));
        if path_instant(stem).is_some() && taken.is_none() {
            taken = Some(stem.to_string());
            segments.push(format!("{{snapshot_at}}{ending}"));
        } else if Uuid::try_parse(stem).is_ok() && !ending.is_empty() {
            segments.push(format!("{{subscription_id}}{ending}"));
        } else {
            segments.push(segment.to_string());
        }
    }
    (segments.join("/"), taken)
}

/// `[]` says nothing of itself; its neighbours or its folder do.
fn settle_empty_lists(files: &mut [File]) {
    let is_list = |kind: Kind| matches!(kind, Kind::RoleAssignments | Kind::Registrations);
    let name_of_folder = |path: &Path| path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let known: BTreeMap<String, Kind> = files.iter().filter(|f| is_list(f.kind)).map(|f| (name_of_folder(&f.path), f.kind)).collect();
    for file in files.iter_mut().filter(|file| file.kind == Kind::EmptyList) {
        let folder = name_of_folder(&file.path);
        let by_name = match () {
            () if folder.contains("role-assignments") => Some(Kind::RoleAssignments),
            () if folder.contains("registration-assignments") => Some(Kind::Registrations),
            () => None,
        };
        file.kind = known.get(&folder).copied().or(by_name).unwrap_or(Kind::EmptyList);
    }
}

/// The folder above `yyyymmdd-yyyymmdd`, else the manifest's own.
fn export_folder(manifest: &Path) -> PathBuf {
    let is_range = |name: &str| name.len() == 17 && name.split('-').all(|part| part.len() == 8 && part.bytes().all(|b| b.is_ascii_digit()));
    let range = manifest.ancestors().find(|folder| folder.file_name().is_some_and(|name| is_range(&name.to_string_lossy())));
    range.unwrap_or(manifest).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn common_folder(files: &[&File]) -> Option<PathBuf> {
    let mut folders = files.iter().filter_map(|file| file.path.parent());
    let first = folders.next()?.to_path_buf();
    Some(folders.fold(first, |common, folder| common.ancestors().find(|a| folder.starts_with(a)).map(Path::to_path_buf).unwrap_or_default()))
}

/// `.csv.gz`, `.parquet`.
fn ending(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().to_string()).unwrap_or_default();
    ["csv.gz", "json.gz", "jsonl.gz", "ndjson.gz"].iter().find(|long| name.to_ascii_lowercase().ends_with(*long)).map_or_else(
        || name.rsplit_once('.').map(|(_, ending)| format!(".{ending}")).unwrap_or_default(),
        |long| format!(".{}", name.get(name.len() - long.len()..).unwrap_or_default()),
    )
}

/// Letters, digits, `-` and `_` of the folder's name; a number behind it if another source has it.
fn name_of(folder: &Path, others: &[Source]) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().to_string()).unwrap_or_default();
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let clean = if clean.trim_matches('-').is_empty() { String::from("source") } else { clean.trim_matches('-').to_ascii_lowercase() };
    let taken = |name: &str| others.iter().any(|other| other.name == name);
    let numbered = (2..).map(|number| format!("{clean}-{number}"));
    std::iter::once(clean.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(clean)
}

/// Where `path` is, seen from `folder`; absolute if they have nothing in common but the root.
pub(super) fn relative(folder: &Path, path: &Path) -> String {
    let own: Vec<Component<'_>> = folder.components().collect();
    let wanted: Vec<Component<'_>> = path.components().collect();
    let shared = own.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    if shared <= 1 {
        return path.display().to_string();
    }
    let up = std::iter::repeat_n(String::from(".."), own.len() - shared);
    let down = wanted.iter().skip(shared).map(|part| part.as_os_str().to_string_lossy().to_string());
    let joined = up.chain(down).collect::<Vec<_>>().join("/");
    if joined.is_empty() { String::from(".") } else { joined }
}

/// Inside a Delta table or our own output. Folders are looked at once.
fn in_a_table(path: &Path, known: &mut BTreeMap<PathBuf, bool>) -> bool {
    path.ancestors().skip(1).any(|folder| *known.entry(folder.to_path_buf()).or_insert_with(|| TABLE_MARKS.iter().any(|mark| folder.join(mark).exists())))
}

/// Whether a table holds anything: the templates an earlier `init` wrote do not.
fn has_rows(file: &InputFile) -> Result<bool> {
    match written(file)? {
        Written::Parquet => Ok(ParquetFile::open(&file.at, &file.name)?.rows() > 0),
        packed => Ok(CsvFile::open_with_notes(&file.at, packed == Written::CsvGz, &file.name)?.next_block()?.is_some()),
    }
}

/// What `init` writes itself.
fn is_ours(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ["job.toml", "job.toml.old", "collect.sh", "truth.json"].iter().any(|own| name == *own))
}

fn charge_source(folder: &Path, shown: &str, layout: Layout) -> ChargeSource {
    ChargeSource {
        name: String::from("looked-at"),
        uri: folder.display().to_string(),
        uri_as_written: shown.to_string(),
        format: ChargeFormat::CostManagement,
        layout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_job_file() {
        let seen = |folder: &str, path: &str| relative(Path::new(folder), Path::new(path));
        assert_eq!(seen("/data/job", "/data/job/exports"), "exports");
        assert_eq!(seen("/data/job", "/data/raw/exports"), "../raw/exports");
        assert_eq!(seen("/data/job", "/mnt/exports"), "/mnt/exports");
        assert_eq!(seen("/data/job", "/data/job"), ".");
    }

    #[test]
    fn lists_are_named_by_what_their_paths_say() {
        let id = "55555555-0000-4000-8000-00000000000a";
        assert_eq!(
            template(&format!("az/20261031T060000Z/role-assignments/{id}.json")),
            ("az/{snapshot_at}/role-assignments/{subscription_id}.json".into(), Some("20261031T060000Z".into()))
        );
        assert_eq!(template("lists/2026-10-31T06-00-00Z.json").0, "lists/{snapshot_at}.json");
        assert_eq!(template("lists/all.json"), ("lists/all.json".into(), None));
        assert_eq!(template(&format!("{id}/all.json")).0, format!("{id}/all.json"), "a folder named after a subscription says nothing of a list");
    }

    #[test]
    fn an_export_lies_above_its_months() {
        let folder = |path: &str| export_folder(Path::new(path));
        assert_eq!(folder("/c/pec-actual/20260901-20260930/run/manifest.json"), Path::new("/c/pec-actual"));
        assert_eq!(folder("/c/copied/manifest.json"), Path::new("/c/copied"));
    }

    #[test]
    fn names_are_clean_and_unlike() {
        let taken = |name: &str| Source { name: name.into(), uri: String::new(), format: "", plain: false, files: 0, bytes: 0 };
        assert_eq!(name_of(Path::new("/c/PEC actual!"), &[]), "pec-actual");
        assert_eq!(name_of(Path::new("/c/a"), &[taken("a"), taken("a-2")]), "a-3");
        assert_eq!((ending(Path::new("x.CSV.gz")), ending(Path::new("x.parquet"))), (".CSV.gz".into(), ".parquet".into()));
    }
}
