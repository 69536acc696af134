//! What only Delta Lake has: a log and checkpoints. Stores that lie about what they kept: `tests/it/stores`.

use deltalake::DeltaTable;
use deltalake::logstore::{StorageConfig, logstore_with};

use super::*;
use crate::storage::DurableLocal;

const LINE: Table = Table::FactCreditLine;

#[test]
fn tags_survive_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1"), stage(&output, "2026-10", "g", "r1")], &[], "r1").unwrap();
    let before = live(&output);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = url::Url::from_directory_path(folder_of(&output, LINE)).unwrap();
        let mut table = DeltaTable::new(logstore_with(Arc::new(DurableLocal::default()), &url, StorageConfig::default()).unwrap());
        table.load().await.unwrap();
        deltalake::checkpoints::create_checkpoint(&table, None).await.unwrap();
    });
    assert!(folder_of(&output, LINE).join("_delta_log/00000000000000000000.checkpoint.parquet").is_file());
    std::fs::remove_file(folder_of(&output, LINE).join("_delta_log/00000000000000000000.json")).unwrap();
    assert_eq!(live(&output), before);
    assert_eq!(before[0].rows, 3);
}

#[test]
fn newer_and_foreign_tables_are_refused() {
    for (from, to) in
        [("\"pecan.schema\":\"1\"", "\"pecan.schema\":\"2\""), ("pecan.schema", "other.schema"), ("\"minWriterVersion\":2", "\"minWriterVersion\":3")]
    {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, Format::Delta);
        output.commit(LINE, None, &[], &[], "r1").unwrap();
        let entry = folder_of(&output, LINE).join("_delta_log/00000000000000000000.json");
        let text = std::fs::read_to_string(&entry).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&entry, text.replace(from, to)).unwrap();
        assert_eq!(output.live(LINE).unwrap_err().exit_code(), 2, "{to}");
    }
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Parquet);
    output.commit(LINE, None, &[], &[], "r1").unwrap();
    let manifest = folder_of(&output, LINE).join("_pecan/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"pecan.schema\": 1", "\"pecan.schema\": 2");
    std::fs::write(&manifest, text).unwrap();
    assert_eq!(output.live(LINE).unwrap_err().exit_code(), 2);
}

#[test]
fn the_log_has_our_statistics_and_no_decimals() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1")], &[], "r1").unwrap();
    let text = std::fs::read_to_string(folder_of(&output, LINE).join("_delta_log/00000000000000000000.json")).unwrap();
    let line = |action: &str| -> serde_json::Value {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter_map(|line| line.get(action).cloned()).next().unwrap()
    };
    let stats: serde_json::Value = serde_json::from_str(line("add")["stats"].as_str().unwrap()).unwrap();
    assert_eq!(stats["numRecords"], 3);
    assert_eq!(stats["minValues"]["usage_date"], "2026-09-04");
    assert_eq!(stats["maxValues"]["usage_date"], "2026-09-06");
    assert_eq!(stats["minValues"].as_object().unwrap().len(), 4);
    assert_eq!(stats["nullCount"]["quantity"], 0);
    assert_eq!(line("txn")["appId"], "pecan.fact_credit_line.2026-09");
    assert_eq!(line("commitInfo")["pecan.run"], "r1");
    assert_eq!((line("protocol")["minReaderVersion"].clone(), line("protocol")["minWriterVersion"].clone()), (1.into(), 2.into()));
}
