//! Data files: same rows, same bytes; sums read back; latest run.

use arrow::array::Int64Builder;
use arrow::array::{DictionaryArray, ListBuilder, StringBuilder, StructBuilder, types::Int32Type};
use arrow::datatypes::i256;

use super::*;
use crate::schema::name;
use crate::sink::{Bounds, read_back};

fn dictionary(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>())
}

fn decimals(values: Vec<Option<i128>>, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap())
}

#[test]
fn sums_are_read_back_per_currency_beyond_128_bits() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Parquet);
    let most = 10_i128.pow(38) - 1;
    let given = BTreeMap::from([
        (name::BILLING_CURRENCY, dictionary(&[Some("EUR"), Some("USD"), Some("EUR"), None, Some("EUR")])),
        (name::QUANTITY, decimals(vec![Some(most), Some(5), Some(most), None, Some(-1)], 22)),
        (name::LIST_COST, decimals(vec![Some(1), Some(2), Some(3), Some(4), Some(-5)], 12)),
    ]);
    let file = written(&output, spec(Table::FactCreditLine, Some("2026-09"), "g", "r"), &batch(&output, Table::FactCreditLine, 5, given));
    let back = read_back(&file).unwrap();
    assert_eq!(back.rows, 5);
    let sum = |currency: Option<&str>, column| back.sums[&currency.map(str::to_owned)].get(column).copied();
    let twice = i256::from_i128(most).checked_add(i256::from_i128(most - 1)).unwrap();
    assert_eq!(sum(Some("EUR"), name::QUANTITY), Some(twice));
    assert_eq!(sum(Some("USD"), name::QUANTITY), Some(i256::from_i128(5)));
    assert_eq!(sum(None, name::QUANTITY), None);
    assert_eq!(sum(None, name::LIST_COST), Some(i256::from_i128(4)));
    assert_eq!(sum(Some("EUR"), name::LIST_COST), Some(i256::from_i128(-1)));
    // A flipped bit in the footer's length, or a lost tail, is storage trouble.
    let bytes = std::fs::read(file.path()).unwrap();
    std::fs::write(file.path(), &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(read_back(&file).unwrap_err().exit_code(), 5);
}

#[test]
fn same_rows_same_bytes_whatever_the_run() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    let given = || BTreeMap::from([(name::CUSTOMER_ID, dictionary(&[Some("b"), None, Some("a")]))]);
    let file = |run: &str| stage_batch(&output, spec(Table::FactCreditLine, Some("2026-09"), "g", run), &batch(&output, Table::FactCreditLine, 3, given()));
    let (one, two) = (file("r1"), file("r2"));
    assert_ne!(one.path, two.path);
    assert_eq!(output.storage().read(&one.key).unwrap().unwrap(), output.storage().read(&two.key).unwrap().unwrap());
    assert_eq!(one.stats.bounds[name::CUSTOMER_ID], Bounds::Texts("a".into(), "b".into()));
    assert_eq!(one.stats.nulls[name::CUSTOMER_ID], 1);
}

#[test]
fn row_groups_are_appended_in_order_and_dropped_files_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    let mut writer = output.writer(spec(Table::DimCustomer, None, "", "r")).unwrap();
    let encoder = writer.encoder();
    let groups: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (encoder, output) = (encoder.clone(), &output);
                scope.spawn(move || encoder.encode(&batch(output, Table::DimCustomer, n, BTreeMap::new())).unwrap())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for group in groups {
        writer.append(group).unwrap();
    }
    assert_eq!(writer.finish().unwrap().rows(), 6);
    drop(output.writer(spec(Table::DimRole, None, "", "r")).unwrap());
    assert_eq!(std::fs::read_dir(folder_of(&output, Table::DimRole)).unwrap().count(), 0);
}

#[test]
fn wrong_batches_are_our_bug() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    let encoder = output.encoder(Table::FactCreditLine).unwrap();
    let nulls = BTreeMap::from([(name::OUTCOME, dictionary(&[Some("covered"), None, None]))]);
    let good = batch(&output, Table::FactCreditLine, 3, BTreeMap::new());
    assert_eq!(encoder.encode(&good).unwrap().rows(), 3);
    assert!(encoder.encode(&good.project(&[0, 1]).unwrap()).is_err());
    let text = Arc::clone(good.column(0));
    let mut columns: Vec<(String, ArrayRef)> = good.schema().fields().iter().map(|f| f.name().clone()).zip(good.columns().iter().cloned()).collect();
    for (name, column) in &mut columns {
        if name == name::OUTCOME {
            *column = Arc::clone(&nulls[name::OUTCOME]);
        }
    }
    assert!(encoder.encode(&RecordBatch::try_from_iter(columns.clone()).unwrap()).err().unwrap().to_string().contains("outcome"));
    columns.push(("surprise".into(), text));
    assert!(encoder.encode(&RecordBatch::try_from_iter(columns).unwrap()).is_err());
}

fn run_tables(output: &Output) -> ArrayRef {
    let field = Table::Run.schema(output.carry()).field_with_name(name::TABLES).unwrap().clone();
    let DataType::List(element) = field.data_type().clone() else { panic!() };
    let DataType::Struct(parts) = element.data_type().clone() else { panic!() };
    let mut list = ListBuilder::new(StructBuilder::from_fields(parts, 1)).with_field(element);
    list.values().field_builder::<StringBuilder>(0).unwrap().append_value("fact_credit_line");
    for (at, number) in [7, 100, 2, 1].into_iter().enumerate() {
        list.values().field_builder::<Int64Builder>(at + 1).unwrap().append_value(number);
    }
    list.values().append(true);
    list.append(true);
    Arc::new(list.finish())
}

#[test]
fn the_newest_run_names_the_versions() {
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, format);
        assert_eq!(output.latest_run().unwrap(), None);
        for (run, started) in [("r2", 20_i64), ("r1", 10)] {
            let given = BTreeMap::from([
                (name::RUN_ID, Arc::new(StringArray::from(vec![run])) as ArrayRef),
                (name::STARTED, Arc::new(TimestampMicrosecondArray::from(vec![started]).with_timezone("UTC")) as ArrayRef),
                (name::TABLES, run_tables(&output)),
            ]);
            let file = stage_batch(&output, spec(Table::Run, None, "", run), &batch(&output, Table::Run, 1, given));
            let state = output.live(Table::Run).unwrap();
            output.commit(Table::Run, state.as_ref(), &[file], &[], run).unwrap();
        }
        let row = output.latest_run().unwrap().unwrap();
        assert_eq!((row.run_id.as_str(), row.started, row.tables.len()), ("r2", 20, 1));
        assert_eq!((row.tables[0].name.as_str(), row.tables[0].version, row.tables[0].files_removed), ("fact_credit_line", 7, 1));
    }
}
