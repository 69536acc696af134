//! Creating, appending, replacing, and two writers at once.

use super::*;
use crate::sink::Commit;
use std::slice::from_ref;

const LINE: Table = Table::FactCreditLine;

#[test]
fn create_append_replace_keep_tags() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        assert_eq!(output.live(LINE).unwrap(), None);
        let group = "contoso/Tägliche Kosten #1/ä@b/202609#1";
        let first = stage(&output, "2026-09", group, "r1");
        assert!(first.path.is_ascii() && !first.path.contains([' ', '#', '%']), "{}", first.path);
        assert_eq!(output.commit(LINE, None, from_ref(&first), &[], "r1").unwrap(), Commit::Committed { version: 0 });
        let state = output.live(LINE).unwrap().unwrap();
        assert_eq!((state.version, state.files.len()), (0, 1));
        let file = &state.files[0];
        assert_eq!((file.group.as_str(), file.fingerprint.as_str(), file.run.as_str()), (group, "f-r1", "r1"));
        assert_eq!((file.month.as_deref(), file.rows, file.bytes, &file.path), (Some("2026-09"), 3, first.bytes, &first.path));
        assert!(output.path_of(LINE, file).unwrap().is_file());

        let other = stage(&output, "2026-10", "g2", "r2");
        assert_eq!(output.commit(LINE, Some(&state), from_ref(&other), &[], "r2").unwrap(), Commit::Committed { version: 1 });
        let state = output.live(LINE).unwrap().unwrap();
        assert_eq!(state.files.len(), 2);

        let again = stage(&output, "2026-09", group, "r3");
        let old: Vec<LiveFile> = state.files.iter().filter(|file| file.group == group).cloned().collect();
        assert_eq!(output.commit(LINE, Some(&state), from_ref(&again), &old, "r3").unwrap(), Commit::Committed { version: 2 });
        let paths: Vec<String> = live(&output).into_iter().map(|file| file.path).collect();
        assert_eq!(paths, [again.path.clone(), other.path.clone()], "{format:?}");
        let state = output.live(LINE).unwrap().unwrap();
        assert_eq!(output.commit(LINE, Some(&state), &[], &[], "r4").unwrap(), Commit::Unchanged);
        assert_eq!(output.live(LINE).unwrap().unwrap(), state);
    }
}

#[test]
fn of_two_writers_from_one_version_the_second_is_refused() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1")], &[], "r1").unwrap();
        let state = output.live(LINE).unwrap().unwrap();
        // Both replace the same file.
        let (a, b) = (stage(&output, "2026-09", "g", "ra"), stage(&output, "2026-09", "g", "rb"));
        assert!(matches!(output.commit(LINE, Some(&state), &[a], &state.files, "ra").unwrap(), Commit::Committed { version: 1 }));
        assert!(matches!(output.commit(LINE, Some(&state), from_ref(&b), &state.files, "rb").unwrap(), Commit::Conflict { .. }));
        output.discard(from_ref(&b)).unwrap();
        assert!(!output.storage().path(&b.key).unwrap().exists());
        // Both are the first of a new month: Delta Lake alone would let both in.
        let state = output.live(LINE).unwrap().unwrap();
        let (a, b) = (stage(&output, "2026-10", "g", "rc"), stage(&output, "2026-10", "g", "rd"));
        assert!(matches!(output.commit(LINE, Some(&state), &[a], &[], "rc").unwrap(), Commit::Committed { version: 2 }));
        assert!(matches!(output.commit(LINE, Some(&state), &[b], &[], "rd").unwrap(), Commit::Conflict { .. }));
        // Another month disturbs nobody.
        let c = stage(&output, "2026-11", "g", "re");
        assert!(matches!(output.commit(LINE, Some(&state), &[c], &[], "re").unwrap(), Commit::Committed { version: 3 }));
        assert_eq!(live(&output).iter().map(|file| file.run.as_str()).collect::<Vec<_>>(), ["ra", "rc", "re"]);
    }
}

#[test]
fn of_two_first_writers_one_wins() {
    for format in FORMATS {
        for months in [["2026-09", "2026-09"], ["2026-09", "2026-10"]] {
            let folder = TempDir::new().unwrap();
            let output = open(&folder, format);
            let runs = ["ra", "rb"];
            let staged: Vec<StagedFile> = (0..2).map(|n| stage(&output, months[n], "g", runs[n])).collect();
            let outcomes: Vec<Commit> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..2)
                    .map(|n| {
                        let (folder, staged) = (&folder, &staged);
                        scope.spawn(move || open(folder, format).commit(LINE, None, &[staged[n].clone()], &[], runs[n]).unwrap())
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let won = outcomes.iter().filter(|outcome| **outcome == Commit::Committed { version: 0 }).count();
            let lost = outcomes.iter().filter(|outcome| matches!(outcome, Commit::Conflict { .. })).count();
            assert_eq!((won, lost, live(&output).len()), (1, 1, 1), "{format:?} {outcomes:?}");
        }
    }
}

#[test]
fn empty_tables_are_created_and_small_tables_replaced_whole() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        for table in Table::ALL {
            assert_eq!(output.commit(table, None, &[], &[], "r1").unwrap(), Commit::Committed { version: 0 }, "{}", table.name());
            let state = output.live(table).unwrap().unwrap();
            assert!(state.files.is_empty());
            let month = table.partitioned().then_some("2026-09");
            let file = stage_batch(&output, spec(table, month, "", "r2"), &batch(&output, table, 2, BTreeMap::new()));
            assert_eq!(output.commit(table, Some(&state), &[file], &[], "r2").unwrap(), Commit::Committed { version: 1 });
            let rival = stage_batch(&output, spec(table, month, "", "r3"), &batch(&output, table, 1, BTreeMap::new()));
            assert!(matches!(output.commit(table, Some(&state), &[rival], &[], "r3").unwrap(), Commit::Conflict { .. }));
            assert_eq!(output.live(table).unwrap().unwrap().files[0].rows, 2);
        }
    }
}

#[test]
fn carried_columns_are_gained_and_never_lost() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1")], &[], "r1").unwrap();
        for (carry, run) in [(&["tags"][..], "r2"), (&["meterCategory"], "r3"), (&["tags", "meterCategory"], "r4")] {
            let output = open_carrying(&folder, format, carry);
            let state = output.live(LINE).unwrap();
            let file = stage(&output, "2026-09", run, run);
            assert!(matches!(output.commit(LINE, state.as_ref(), &[file], &[], run).unwrap(), Commit::Committed { .. }));
        }
        let output = open_carrying(&folder, format, &["Tags"]);
        let state = output.live(LINE).unwrap();
        let file = stage(&output, "2026-09", "r5", "r5");
        assert_eq!(output.commit(LINE, state.as_ref(), &[file], &[], "r5").unwrap_err().exit_code(), 2);
        assert_eq!(live(&output).len(), 4);
    }
}

#[test]
fn a_landed_commit_is_recognised_when_it_is_sent_again() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        let file = stage(&output, "2026-09", "g", "r1");
        for _ in 0..2 {
            assert_eq!(output.commit(LINE, None, from_ref(&file), &[], "r1").unwrap(), Commit::Committed { version: 0 });
        }
        assert_eq!(live(&output).len(), 1);
    }
}

#[test]
fn plain_globs_read_right_after_a_swap_and_leftovers_are_swept() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Parquet);
    let seen = || {
        let month = folder.path().join("fact_credit_line/billing_month=2026-09");
        let mut names: Vec<_> = std::fs::read_dir(month).map(|e| e.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()).unwrap_or_default();
        names.sort();
        names
    };
    let first = stage(&output, "2026-09", "g", "r1");
    assert!(seen().is_empty(), "a staged file must not be seen");
    output.commit(LINE, None, from_ref(&first), &[], "r1").unwrap();
    assert_eq!(seen().len(), 1);
    let state = output.live(LINE).unwrap().unwrap();
    let second = stage(&output, "2026-09", "g", "r2");
    output.commit(LINE, Some(&state), from_ref(&second), &state.files, "r2").unwrap();
    assert_eq!(seen(), [second.path.split_once('/').unwrap().1]);
    // A crash after moving files in, before the swap: the next commit, even an empty one, sweeps them.
    let place = folder_of(&output, LINE).join(&first.path);
    std::fs::write(&place, b"left over").unwrap();
    let state = output.live(LINE).unwrap().unwrap();
    assert_eq!(output.commit(LINE, Some(&state), &[], &[], "r3").unwrap(), Commit::Unchanged);
    assert_eq!(seen().len(), 1);
}

#[test]
fn a_table_deleted_meanwhile_is_a_conflict() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1")], &[], "r1").unwrap();
        let state = output.live(LINE).unwrap().unwrap();
        std::fs::remove_dir_all(folder_of(&output, LINE)).unwrap();
        let file = stage(&output, "2026-10", "g", "r2");
        assert!(matches!(output.commit(LINE, Some(&state), &[file], &[], "r2").unwrap(), Commit::Conflict { .. }));
        assert_eq!(output.live(LINE).unwrap(), None);
    }
}
