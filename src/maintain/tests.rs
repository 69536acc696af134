use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};

use super::*;
use crate::schema::name;
use crate::sink::{Commit, FileSpec, StagedFile};

const ROLES: Table = Table::DimRole;

fn stage(output: &Output, run: &str) -> StagedFile {
    let spec = FileSpec { table: ROLES, month: None, group: String::new(), fingerprint: run.to_owned(), run: run.to_owned(), ordinal: 0 };
    let text = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let earns = Arc::new(BooleanArray::from(vec![true])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([(name::ROLE_DEFINITION_ID, text()), (name::NAME, text()), (name::EARNS, earns)]).unwrap();
    let mut writer = output.writer(spec).unwrap();
    let encoded = writer.encode(&batch).unwrap();
    writer.append(encoded).unwrap();
    output.stage(writer.finish().unwrap()).unwrap()
}

fn late() -> MaintainOptions {
    MaintainOptions { retain: RETAIN, dry_run: false, now: SystemTime::now() + 2 * RETAIN, progress: Progress::off() }
}

fn look(output: &Output) -> Survey {
    Survey::read(output, ROLES, &BTreeMap::new(), &late()).unwrap()
}

/// A run slower than the span commits between the look and the deletion: what it made live stays.
#[test]
fn files_that_became_live_meanwhile_stay() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::open(folder.path().to_str().unwrap(), Format::Delta, &[]).unwrap();
    output.commit(ROLES, None, &[stage(&output, "r1")], &[], "r1").unwrap();
    let base = output.live(ROLES).unwrap();
    let slow = stage(&output, "r2");
    let survey = look(&output);
    assert_eq!(survey.leftovers.len(), 1);
    output.commit(ROLES, base.as_ref(), &[slow], &base.clone().unwrap().files, "r2").unwrap();
    let report = survey.work(&output, &late()).unwrap();
    assert_eq!(report.deleted(), Sum::default());
    let live = output.live(ROLES).unwrap().unwrap();
    assert!(live.files.len() == 1 && live.files.iter().all(|file| output.path_of(ROLES, file).unwrap().is_file()));
    let report = look(&output).work(&output, &late()).unwrap();
    assert_eq!((report.replaced.files, report.leftovers.files), (1, 0));
    assert!(output.path_of(ROLES, &live.files[0]).unwrap().is_file());
}

/// A run slower than the span commits after the deletion: its commit fails, and the table is as it was.
#[test]
fn a_run_whose_files_are_gone_commits_nothing() {
    for format in [Format::Delta, Format::Parquet] {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::open(folder.path().to_str().unwrap(), format, &[]).unwrap();
        output.commit(ROLES, None, &[stage(&output, "r1")], &[], "r1").unwrap();
        let base = output.live(ROLES).unwrap();
        let slow = stage(&output, "r2");
        assert_eq!(look(&output).work(&output, &late()).unwrap().leftovers.files, 1);
        let files = &base.as_ref().unwrap().files;
        assert_eq!(output.commit(ROLES, base.as_ref(), std::slice::from_ref(&slow), files, "r2").unwrap_err().exit_code(), 5);
        assert_eq!(output.live(ROLES).unwrap(), base);
        let again = stage(&output, "r3");
        assert!(matches!(output.commit(ROLES, base.as_ref(), &[again], files, "r3").unwrap(), Commit::Committed { .. }));
    }
}

/// The guard before every deletion, for mistakes of ours.
#[test]
#[should_panic(expected = "a live file of dim_role was about to be deleted")]
fn live_files_are_never_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::open(folder.path().to_str().unwrap(), Format::Delta, &[]).unwrap();
    output.commit(ROLES, None, &[stage(&output, "r1")], &[], "r1").unwrap();
    let mut survey = look(&output);
    survey.replaced = files::of_table(&output, ROLES).unwrap().data;
    let _ = survey.work(&output, &late());
}
