//! One charge file of every shape.

use std::io::Write;

use arrow::array::*;
use arrow::datatypes::{DataType, Int32Type, TimeUnit, i256};
use flate2::write::GzEncoder;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterVersion};
use pecan_core::money::plain;
use pecan_core::time::parse_day;

use super::*;
use crate::columns::Cell;
use crate::source::Field;

fn numbers(parsed: &crate::columns::Parsed<i128>) -> Vec<Option<String>> {
    (0..parsed.values.len()).map(|i| parsed.get(i).map(|v| plain(v, 22))).collect()
}

#[test]
fn csv_with_every_quirk_is_read_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "\u{feff}{},Tags,partnerEarnedCreditApplied,partnerEarnedCreditRate,ResourceId\r\n\
         2026-09-05,sub,m,p,24,0.5,USD,EUR,Usage,\"a\r\nb\",Yes,15%,NULL\r\n\
         \r\n\
         9/6/2026,\"NULL\",m,p,NULL,1e-3,USD,NULL,Usage,NULL,,0.15,/subscriptions/x\n\
         too,short\n\
         \x20 \t\n\
         bad,sub,m,p,\"1,000\",,USD,EUR,Usage,\"say \"\"hi\"\"\",NULL,x,",
        NEEDED
    );
    let batch = read_one(&csv(dir.path(), text)).unwrap();
    assert_eq!((batch.first_row, batch.rows), (1, 4));
    assert_eq!(batch.ragged.iter().map(|(r, l)| (*r, l.as_str())).collect::<Vec<_>>(), [(2, "too,short")]);
    assert_eq!((batch.usage_date.get(0), batch.usage_date.get(1)), (parse_day("2026-09-05").map(|d| d.0), parse_day("2026-09-06").map(|d| d.0)));
    assert_eq!(batch.usage_date.state[2..], [Cell::Empty, Cell::Fault]);
    assert_eq!(strings(&batch.subscription_id), [Some("sub".into()), None, None, Some("sub".to_string())], "NULL in an id is null");
    assert_eq!(strings(&batch.billing_currency), [Some("EUR".into()), Some("NULL".into()), None, Some("EUR".to_string())], "elsewhere it is a word");
    assert_eq!(numbers(&batch.quantity), [Some("24".into()), None, None, None]);
    assert_eq!(batch.quantity.state, [Cell::Value, Cell::Empty, Cell::Empty, Cell::Fault]);
    assert_eq!(numbers(&batch.list_unit_price), [Some("0.5".into()), Some("0.001".into()), None, None]);
    assert_eq!(strings(&batch.carry[0]), [Some("a\r\nb".into()), Some("NULL".into()), None, Some("say \"hi\"".to_string())]);
    let applied = batch.applied.unwrap();
    assert_eq!(applied.state, [Cell::Value, Cell::Empty, Cell::Empty, Cell::Fault]);
    assert_eq!(numbers(&batch.stated_rate), [Some("0.15".into()), Some("0.15".into()), None, None]);
    assert_eq!(strings(&batch.resource_id), [None, Some("/subscriptions/x".into()), None, Some(String::new())], "an empty text stays one");
    assert_eq!(strings(&batch.invoice_id), [None, None, None, None], "an absent column is null");
}

#[test]
fn gzip_gives_the_same_rows_and_a_cut_one_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..70_000).map(|i| format!("2026-09-05,sub-{i},m,p,{i},0.5,USD,EUR,Usage\n")).collect();
    let text = format!("{NEEDED}\n{rows}");
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let path = dir.path().join("part.csv.gz");
    write(&path, &packed);
    let batches = read_all(&charge_file(&path), &[]).unwrap();
    assert_eq!(batches.iter().map(|b| (b.first_row, b.rows)).collect::<Vec<_>>(), [(1, 65_536), (65_537, 4_464)]);
    assert_eq!(strings(&batches[1].subscription_id)[0].as_deref(), Some("sub-65536"));
    assert_eq!(numbers(&batches[1].quantity)[4_463].as_deref(), Some("69999"));
    write(&path, &packed[..packed.len() / 2]);
    assert_eq!(read_all(&charge_file(&path), &[]).unwrap_err().exit_code(), 3);
}

#[test]
fn wrong_csv_files_are_named_with_their_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = |text: &[u8]| read_one(&csv(dir.path(), text)).unwrap_err();
    assert!(wrong(b"").contains("no header"));
    assert!(wrong(b"date,quantity\n").contains("`SubscriptionId`"));
    assert!(wrong(format!("{NEEDED},Tags,Tags\n").as_bytes()).contains("two columns of one name: `Tags`"));
    assert!(wrong(format!("{NEEDED},Tags,TAGS\n").as_bytes()).contains("differ by case only"));
    assert!(wrong(format!("{NEEDED}\n1,\"2\n").as_bytes()).contains("quote that is not closed in row 1"));
    assert!(wrong(b"\xFF\xFEd\0a\0").contains("UTF-16"));
    let text = [format!("{NEEDED}\n2026-09-05,sub,m,p,1,1,USD,").as_bytes(), b"\xE9", b",Usage\n"].concat();
    assert!(wrong(&text).contains("row 1, column 8"), "{}", wrong(&text));
}

#[test]
fn rows_are_counted_against_the_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let path = csv(dir.path(), format!("{NEEDED}\n2026-09-05,s,m,p,1,1,USD,EUR,Usage\n"));
    for (expected, good) in [(1, true), (2, false), (0, false)] {
        let file = ChargeFile { expected_rows: Some(expected), ..charge_file(&path) };
        assert_eq!(read_all(&file, &[]).map_err(|e| e.exit_code()).is_ok(), good, "{expected}");
    }
    let path = dir.path().join("part.parquet");
    parquet(&path, needed(3), WriterProperties::default());
    let file = ChargeFile { expected_rows: Some(4), ..charge_file(&path) };
    let text = ChargeReader::open(&file, &[]).err().unwrap().to_string();
    assert!(text.contains("3 rows, the manifest says 4"), "{text}");
}

#[test]
fn row_groups_are_batches_and_every_codec_and_encoding_reads_alike() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let base = || WriterProperties::builder().set_max_row_group_row_count(Some(1_000));
    let shapes = [
        base().set_compression(Compression::SNAPPY),
        base().set_compression(Compression::UNCOMPRESSED).set_writer_version(WriterVersion::PARQUET_2_0),
        base().set_compression(Compression::ZSTD(Default::default())).set_data_page_row_count_limit(64),
        base().set_compression(Compression::GZIP(Default::default())).set_writer_version(WriterVersion::PARQUET_2_0).set_data_page_row_count_limit(64),
        base().set_dictionary_enabled(false),
        base().set_dictionary_page_size_limit(16).set_data_page_row_count_limit(64).set_write_batch_size(64),
        base().set_dictionary_enabled(false).set_encoding(Encoding::PLAIN).set_statistics_enabled(EnabledStatistics::None),
    ];
    for (n, shape) in shapes.into_iter().enumerate() {
        parquet(&path, needed(2_500), shape.build());
        let batches = read_all(&charge_file(&path), &["quantity"]).unwrap();
        assert_eq!(batches.iter().map(|b| (b.first_row, b.rows)).collect::<Vec<_>>(), [(1, 1_000), (1_001, 1_000), (2_001, 500)], "shape {n}");
        let subscriptions: Vec<_> = batches.iter().flat_map(|b| strings(&b.subscription_id)).collect();
        let wanted: Vec<_> = (0..2_500).map(|i| Some(format!("sub-{}", i % 7))).collect();
        assert_eq!(subscriptions, wanted, "shape {n}");
        assert_eq!(numbers(&batches[2].quantity)[499].as_deref(), Some("2499"));
        assert_eq!(strings(&batches[2].carry[0])[499].as_deref(), Some("2499"), "a carried number in its shortest form");
    }
}

#[test]
fn a_dictionary_that_overflows_into_plain_pages_keeps_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let mut columns = needed(5_000);
    let ids: Vec<Option<String>> = (0..5_000).map(|i| (i % 11 != 0).then(|| format!("/subscriptions/{i}"))).collect();
    columns.push(("ResourceId".into(), Arc::new(StringArray::from(ids.clone()))));
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(2_000).set_data_page_row_count_limit(100).set_write_batch_size(100).build();
    parquet(&path, columns, properties);
    let batch = read_one(&path).unwrap();
    assert_eq!(strings(&batch.resource_id), ids);
}

/// The reader's matrix of physical types: each in Parquet, as the contract names it.
#[test]
fn every_physical_type_of_the_contract_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let day = parse_day("2026-09-05").unwrap().0;
    let seconds = i64::from(day) * 86_400 + 3_600;
    let decimal = |v: i128, p, s| Arc::new(Decimal128Array::from(vec![v]).with_precision_and_scale(p, s).unwrap()) as ArrayRef;
    let dictionary: DictionaryArray<Int32Type> = vec![Some("24")].into_iter().collect();
    let quantities: Vec<ArrayRef> = vec![
        decimal(24, 9, 0),
        decimal(2_400, 18, 2),
        decimal(24_000_000_000_000_000_000_000, 38, 21),
        decimal(24 * 10i128.pow(24), 38, 24),
        Arc::new(Decimal256Array::from(vec![i256::from_i128(24_000)]).with_precision_and_scale(50, 3).unwrap()),
        Arc::new(Float64Array::from(vec![24.0])),
        Arc::new(Float32Array::from(vec![24.0])),
        Arc::new(Int16Array::from(vec![24])),
        Arc::new(UInt64Array::from(vec![24])),
        Arc::new(StringArray::from(vec!["24.0"])),
        Arc::new(LargeStringArray::from(vec!["24"])),
        Arc::new(StringViewArray::from(vec!["2.4E1"])),
        Arc::new(BinaryArray::from(vec![&b"24"[..]])),
        Arc::new(dictionary),
    ];
    let dates: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![day])),
        Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000])),
        Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000]).with_timezone("UTC")),
        Arc::new(TimestampNanosecondArray::from(vec![seconds * 1_000_000_000]).with_timezone("+10:00")),
        Arc::new(StringArray::from(vec!["2026-09-05"])),
        Arc::new(StringViewArray::from(vec!["9/5/2026"])),
    ];
    let flags: Vec<ArrayRef> = vec![Arc::new(BooleanArray::from(vec![true])), Arc::new(StringArray::from(vec!["Yes"])), Arc::new(Int32Array::from(vec![1]))];
    let rows = quantities.len() * dates.len();
    for i in 0..rows {
        let (quantity, date) = (&quantities[i % quantities.len()], &dates[i / quantities.len()]);
        let mut columns = needed(1);
        columns[0].1 = date.clone();
        columns[4].1 = quantity.clone();
        columns.push(("PartnerEarnedCreditApplied".into(), flags[i % 3].clone()));
        parquet(&path, columns, WriterProperties::default());
        let batch = read_one(&path).unwrap();
        let about = format!("{} {}", quantity.data_type(), date.data_type());
        assert_eq!(numbers(&batch.quantity), some(&["24"]), "{about}");
        assert_eq!(batch.usage_date.get(0), Some(day), "{about}");
        assert_eq!(batch.applied.unwrap().get(0), Some(true), "{about}");
    }
}

#[test]
fn types_that_make_no_sense_name_file_column_and_format() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let senseless: [(usize, ArrayRef); 4] = [
        (0, Arc::new(Int32Array::from(vec![1]))),
        (4, Arc::new(BooleanArray::from(vec![true]))),
        (1, Arc::new(list)),
        (2, arrow::compute::cast(&Int64Array::from(vec![1]), &DataType::Time64(TimeUnit::Microsecond)).unwrap()),
    ];
    for (place, column) in senseless {
        let mut columns = needed(1);
        columns[place].1 = column;
        let name = columns[place].0.clone();
        parquet(&path, columns, WriterProperties::default());
        let text = read_one(&path).unwrap_err();
        assert!(text.contains(&format!("`{name}`")) && text.contains("in/part.parquet") && text.contains("cost-management"), "{text}");
    }
}

#[test]
fn names_in_any_case_nulls_and_empty_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let upper = needed(2).into_iter().map(|(n, c)| (n.to_uppercase(), c)).collect();
    parquet(&path, upper, WriterProperties::default());
    let reader = ChargeReader::open(&charge_file(&path), &[]).unwrap();
    assert_eq!(reader.header().name(Field::ListUnitPrice), "PAYGPRICE");
    let mut twins = needed(1);
    twins.push(("DATE".into(), twins[0].1.clone()));
    parquet(&path, twins, WriterProperties::default());
    assert!(read_one(&path).unwrap_err().contains("`date` (column 1) and `DATE` (column 10)"));
    parquet(&path, needed(0), WriterProperties::default());
    assert_eq!(read_all(&charge_file(&path), &[]).unwrap().len(), 0);
    let nulls = needed(2).into_iter().map(|(n, c)| (n, new_null_array(c.data_type(), 2))).collect();
    parquet(&path, nulls, WriterProperties::default());
    let batch = read_one(&path).unwrap();
    assert_eq!((batch.subscription_id.null_count(), batch.usage_date.state.clone()), (2, vec![Cell::Empty; 2]));
}

#[test]
fn a_row_group_longer_than_a_piece_is_read_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part.parquet");
    let rows = crate::source::parquet_file::PIECE_ROWS + 10;
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2 * rows)).build();
    parquet(&path, needed(rows), properties);
    let batches = read_all(&charge_file(&path), &[]).unwrap();
    assert_eq!(batches.iter().map(|b| (b.first_row, b.rows)).collect::<Vec<_>>(), [(1, rows - 10), (rows as i64 - 9, 10)]);
    let subscriptions = strings(&batches[1].subscription_id);
    assert_eq!(subscriptions[9], Some(format!("sub-{}", (rows - 1) % 7)));
    assert_eq!(batches[1].usage_date.get(9), Some(20_700 + ((rows - 1) % 30) as i32));
}

/// Spark writes INT96 by default: 12 bytes, nanoseconds of the day and a Julian day.
#[test]
fn int96_keeps_its_nanoseconds_and_does_not_wrap() {
    use parquet::data_type::{Int96, Int96Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    let schema = Arc::new(parse_message_type("message m { required int96 t; required int96 open; }").unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let instant = |julian: u32, nanos: u32| {
        let mut value = Int96::new();
        value.set_data(nanos, 0, julian);
        value
    };
    // 1970-01-01 is Julian day 2440588; 9999-12-31 is 5373484.
    for second in [2_440_588, 5_373_484] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int96Type>().write_batch(&[instant(2_440_588, 101), instant(second, 0)], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    let mut scan = crate::source::parquet_file::ParquetFile::open(&path.as_path().into(), "t").unwrap().select(&[1, 0]).unwrap();
    let columns = scan.next_piece().unwrap().decode().unwrap();
    let (open, exact) = (crate::columns::instants(&columns[0]), crate::columns::instants(&columns[1]));
    assert_eq!(exact.get(0).map(|i| i.0), Some(101));
    assert_eq!(open.get(1).map(|i| i.0), Some(253_402_214_400_000_000_000), "9999-12-31");
}

#[test]
fn a_page_that_does_not_match_its_checksum_is_refused() {
    let path = corpora().join("parquet-testing/data/datapage_v1-corrupt-checksum.parquet");
    if !path.exists() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no {} (PECAN_CORPORA)", path.display());
        return;
    }
    let mut scan = crate::source::parquet_file::ParquetFile::open(&path.as_path().into(), "t").unwrap().select(&[0]).unwrap();
    assert!(scan.next_piece().unwrap().decode().unwrap_err().to_string().contains("CRC"));
}
