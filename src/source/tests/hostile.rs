//! Files made to break readers: an error that names the file or rows, never a panic, an abort or a hang.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::source::parquet_file::ParquetFile;

/// Files of a corpus; empty, aloud, where the corpora are not at hand.
fn corpus(name: &str) -> Vec<PathBuf> {
    let root = corpora();
    let Ok(entries) = fs::read_dir(root.join(name)) else {
        // Straight to standard error: the harness swallows `eprintln!` of a test that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no corpus {name} under {} (PECAN_CORPORA)", root.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    paths.sort();
    paths
}

/// Reads every flat column of a file, which a charge file of other columns would never reach.
fn read_whole(path: &Path) -> Result<u64> {
    let file = ParquetFile::open(&path.into(), "hostile")?;
    let flat: Vec<usize> = file.columns().iter().enumerate().filter(|(_, c)| c.is_flat()).map(|(i, _)| i).collect();
    let mut scan = file.select(&flat)?;
    let mut rows = 0;
    while let Some(piece) = scan.next_piece() {
        for column in piece.decode()? {
            rows += column.len() as u64;
            let _ = (crate::columns::text(&column), crate::columns::numbers(&column), crate::columns::days(&column));
        }
    }
    Ok(rows)
}

fn check(path: &Path) -> (bool, String) {
    let charge = ChargeFile { kind: FileKind::Parquet, ..unknown_file(path) };
    let charge_error = catch_unwind(AssertUnwindSafe(|| read_all(&charge, &[]))).unwrap_or_else(|_| panic!("{} panicked", path.display()));
    assert!(charge_error.as_ref().map_or_else(|e| e.exit_code() == 3, |_| true), "{}", path.display());
    let whole = catch_unwind(AssertUnwindSafe(|| read_whole(path))).unwrap_or_else(|_| panic!("{} panicked", path.display()));
    match whole {
        Ok(rows) => (true, format!("{rows} cells")),
        Err(e) => {
            assert_eq!(e.exit_code(), 3, "{}: {e}", path.display());
            assert!(e.trouble().place.contains("hostile"), "{e}");
            (false, e.trouble().seen.clone())
        }
    }
}

fn unknown_file(path: &Path) -> ChargeFile {
    ChargeFile {
        at: path.into(),
        source_file: "x".into(),
        source_run: None,
        place: path.display().to_string(),
        bytes: 0,
        hash: String::new(),
        kind: FileKind::Csv,
        expected_rows: None,
    }
}

#[test]
fn public_hostile_files_are_errors_or_rows() {
    for path in corpus("parquet-testing/bad_data").into_iter().chain(corpus("parquet-fuzz")) {
        let (_, seen) = check(&path);
        println!("{:70} {seen}", path.file_name().unwrap().to_string_lossy());
        let csv = catch_unwind(|| read_all(&unknown_file(&path), &[])).unwrap_or_else(|_| panic!("{} panicked as CSV", path.display()));
        assert!(csv.is_err(), "{} is no CSV of charges", path.display());
    }
}

#[test]
fn public_good_files_of_plain_columns_are_read() {
    let mut read = 0;
    for path in corpus("parquet-testing/data") {
        let (good, seen) = check(&path);
        println!("{:60} {seen}", path.file_name().unwrap().to_string_lossy());
        read += usize::from(good);
    }
    // Encrypted files, exotic codecs and text files are refused; all of the rest must be read.
    assert!(read == 0 || read >= 48, "only {read} of the good files were read");
}

#[test]
fn every_cut_and_flipped_byte_of_a_charge_file_is_an_error_or_rows() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.parquet");
    parquet(&good, needed(20), WriterProperties::builder().set_data_page_row_count_limit(7).build());
    let bytes = fs::read(&good).unwrap();
    let path = dir.path().join("bad.parquet");
    for at in (0..bytes.len()).step_by(5) {
        write(&path, &bytes[..at]);
        check(&path);
        for flip in [0xFF, 0x01, 0x80] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            write(&path, &bad);
            check(&path);
        }
    }
}
