//! What is kept: the same knowledge, once, and no longer than needed.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use pecan::kept::Kept;
use pecan::known::Known;
use pecan::maintain::{MaintainOptions, RETAIN, Report as Maintained, maintain};
use pecan::past_run::PastRun;
use pecan::receipt::Receipts;
use pecan::slice::Slicer;
use pecan::verify::known_then;
use pecan::whole;

use super::*;
use crate::jobs::workshop::{copy_folder, run};

/// Everything decisions and tables can ask of what is known, from the files and from what was kept of them.
fn must_know_the_same(job: &Job, run: &str) {
    let output = open_output(job).expect("an output");
    let (kept, scratch) = (Kept::of(output.storage()), tempfile::tempdir().expect("a folder"));
    let past = PastRun::read(&kept, run).expect("readable").expect("a record");
    let (read, again) = (Known::read(job).expect("known"), known_then(job, &past, &kept, scratch.path()).expect("known").expect("kept"));
    assert_eq!((&read.rejections, &read.counts, read.audit_rows, read.role_records), (&again.rejections, &again.counts, again.audit_rows, again.role_records));
    assert_eq!(
        (read.first_record, read.newest_record, &read.lists, &read.mentioned),
        (again.first_record, again.newest_record, &again.lists, &again.mentioned)
    );
    assert_eq!(
        (&read.unscoped, &read.knowledge.principal_kinds, read.knowledge.cutoff()),
        (&again.unscoped, &again.knowledge.principal_kinds, again.knowledge.cutoff())
    );
    let files = |known: &Known| known.files.files.iter().map(|f| (f.name.clone(), f.hash.clone(), f.bytes, f.rows, f.source.clone())).collect::<Vec<_>>();
    assert_eq!(files(&read), files(&again));
    assert_eq!(read.knowledge.intervals(), again.knowledge.intervals());
    let tables = |known: &Known| {
        whole::batches(known, &Default::default(), None).expect("tables").iter().map(|(_, batch)| whole::fingerprint(batch)).collect::<Vec<_>>()
    };
    assert_eq!(tables(&read), tables(&again));
    let (slicer, slicer_again, receipts) = (Slicer::new(&read), Slicer::new(&again), Receipts::of(output.storage()));
    for group in &past.groups {
        let memory = receipts.memory(&group.fingerprint).expect("a footprint");
        assert_eq!(slicer.of(&memory.footprint), slicer_again.of(&memory.footprint), "{}", group.group);
    }
}

#[test]
fn what_is_kept_tells_the_same() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    must_know_the_same(&job, &run(&job).run_id);
}

/// 3,000 files of an hour each, of which few say anything about roles.
fn hourly(workshop: &Workshop, days: u32) {
    for day in 1..=days {
        for hour in 0..24 {
            for subscription in 0..4 {
                let folder = workshop.path(&format!("hours/resourceId=/SUBSCRIPTIONS/S-{subscription}/y=2026/m=09/d={day:02}/h={hour:02}/m=00"));
                let time = format!("2026-09-{day:02}T{hour:02}:00:00Z");
                let id = format!("/SUBSCRIPTIONS/S-{subscription}/PROVIDERS/MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/A-{subscription}-{day}-{hour}");
                let body = r#"{\"Properties\":{\"PrincipalId\":\"p\",\"PrincipalType\":\"User\",\"RoleDefinitionId\":\"r\"}}"#;
                let role = format!(
                    r#"{{"time":"{time}","resourceId":"{id}","operationName":"MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE","resultType":"Success","correlationId":"c-{day}-{hour}-{subscription}","properties":{{"requestbody":"{body}"}}}}"#
                );
                let other = format!(
                    r#"{{"time":"{time}","resourceId":"/x","operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE","resultType":"Success","properties":{{}}}}"#
                );
                let text = if hour % 8 == 0 { format!("{role}\n{other}\n") } else { format!("{other}\n{other}\n") };
                fs::create_dir_all(&folder).expect("a folder");
                fs::write(folder.join("PT1H.json"), text).expect("written");
            }
        }
    }
}

fn sizes(job: &Job) -> (usize, u64) {
    let files = files_below(&PathBuf::from(&job.output.uri).join("_pecan/inputs"));
    (files.len(), files.iter().map(|path| fs::metadata(path).expect("a file").len()).sum())
}

/// Many small files become few pieces, and a day more costs about a day.
#[test]
fn many_files_are_kept_as_few_pieces_and_a_day_more_is_little() {
    let workshop = Workshop::sample();
    let mut job = archive(workshop.job(&[]));
    job.audit[0].uri = workshop.path("hours").to_string_lossy().into_owned();
    job.audit[0].uri_as_written = "hours".into();
    job.audit[0].format = pecan::job::AuditFormat::ActivityLogJson;
    // Lists would say that none of these assignments is there.
    job.reference.assignments.clear();
    job.reference.lighthouse_assignments.clear();
    hourly(&workshop, 28);
    must_know_the_same(&job, &run(&job).run_id);
    let (files, bytes) = sizes(&job);
    assert!(files < 60, "{files} files for 2,688 audit files and 10 reference files");
    hourly(&workshop, 29);
    let second = run(&job);
    assert!(!second.nothing_to_do);
    must_know_the_same(&job, &second.run_id);
    let (more_files, more_bytes) = sizes(&job);
    println!("kept of 2,688 audit files: {files} files, {bytes} bytes; after a day more {more_files} files, {more_bytes} bytes");
    // Four logs, each with news at its own place: at most two pieces for each. Longer logs: the tests of `kept`.
    assert!(more_files - files <= 8, "{files} files, {bytes} bytes; then {more_files}, {more_bytes}");
    let before = sizes(&job);
    crate::jobs::workshop::run_with(&job, &pecan::job::RunOptions { force: true, ..crate::jobs::workshop::options() });
    assert_eq!(sizes(&job), before, "a forced run keeps nothing twice");
}

fn maintained(job: &Job, days: u64) -> Maintained {
    let now = SystemTime::now() + Duration::from_secs(days * 86_400);
    maintain(job, &MaintainOptions { retain: RETAIN, dry_run: false, now, progress: Progress::off() }).unwrap_or_else(|e| panic!("{e}"))
}

/// What a run left that never got its row goes when it is old; what a row or a live file needs stays.
#[test]
fn what_no_run_needs_goes_when_it_is_old() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = archive(job_in(&workshop, format));
        let first = run(&job);
        let own = workshop.path("jobs/out/_pecan");
        let names = |folder: &str| files_below(&own.join(folder)).into_iter().collect::<BTreeSet<_>>();
        let (runs, inputs) = (names("runs"), names("inputs"));
        let record = fs::read_to_string(runs.first().expect("a record")).expect("text");
        // A run that died: other reference files, and its record.
        let died = "0198d2c4-7a3e-7c1e-9d0a-3b1f5e6a7b8c";
        let piece = "ab".repeat(32);
        fs::write(own.join(format!("inputs/{piece}.gz")), "").expect("written");
        fs::write(own.join(format!("runs/{died}.json")), record.replace(&first.run_id, died)).expect("written");
        fs::write(own.join(format!("runs/{died}.{died}.new")), "half").expect("written");
        assert_eq!(maintained(&job, 1).kept.deleted.files, 0, "{format}: too young");
        let report = maintained(&job, 40);
        assert_eq!((report.kept.deleted.files, report.foreign.len()), (3, 0), "{format}");
        assert_eq!((names("runs"), names("inputs")), (runs.clone(), inputs.clone()), "{format}");
        assert_eq!(report.to_json()["kept_inputs"]["kept"]["files"].as_u64(), Some((runs.len() + inputs.len()) as u64));
        must_be(&verified(&job, "latest"), "equal");

        // Without its row, live files still name the run.
        copy_folder(&workshop.path("jobs/out"), &workshop.path("jobs/other"));
        fs::remove_dir_all(workshop.path("jobs/other/run")).expect("removed");
        let other = archive(workshop.job(&[&format!("output.format=\"{format}\""), "output.uri=other/"]));
        assert_eq!(maintained(&other, 40).kept.deleted.files, 0, "{format}");
        let report = verified(&other, &first.run_id);
        assert_eq!((report.answer(), report.complete, report.notes().len()), ("equal", false, 1), "{}", report.to_text());
    }
}
