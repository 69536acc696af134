//! Files as people have them: Microsoft's column names, broken rows, other months.

use std::path::Path;

use super::*;

const HEADER: &str = "InvoiceNumber,CustomerId,subscriptionid,ProductId,SkuId,ChargeType,UnitPrice,EffectiveUnitPrice,BillableQuantity,Subtotal,Currency,PricingCurrency,PCToBCExchangeRate,PriceAdjustmentDescription,ChargeStartDate,MeterDescription,Extra";

fn job(folder: &Path, text: &str) -> Job {
    std::fs::write(folder.join("invoice.csv"), text).unwrap();
    let toml = "[charges]\nuri = \"c\"\nformat = \"cost-management\"\n[audit]\nuri = \"a\"\nformat = \"azure-activity\"\n[reference]\npartners = \"p\"\nprincipals = \"q\"\nstatement = \"invoice.csv\"\n[output]\nuri = \"out\"\n";
    Job::parse(&folder.join("job.toml"), toml, &[], &|_| None).unwrap()
}

fn read_all(text: &str) -> Result<(StatementInput, Vec<InvoiceRow>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    let input = read(&job(folder.path(), text), "2026-09", &mut |row| {
        rows.push(row.clone());
        Ok(())
    })?;
    Ok((input, rows))
}

fn row(charge_type: &str, numbers: &str, description: &str, date: &str) -> String {
    format!("G1,C1,PLAN,DZH318Z0BNZ5,1,{charge_type},{numbers},USD,1,{description},{date},meter,x")
}

#[test]
fn rows_of_the_month_are_read_in_microsofts_columns() {
    let credit = r#""[""15.0% Partner earned credit for services managed""]""#;
    let text = [
        HEADER.to_owned(),
        row("New", "1,0.85,10,8.5,USD", credit, "9/1/2026"),
        row("New", "1,1,10,10,USD", "[]", "2026-10-01T00:00:00Z"),
        row("New", "1,1,10,10,USD", "", ""),
    ];
    let (input, rows) = read_all(&text.join("\n")).unwrap();
    assert_eq!((input.read(), input.rows, input.rejections.len()), (3, 2, 0));
    assert_eq!(input.other_months.get("2026-10"), Some(&1));
    assert_eq!((rows[0].with_credit, rows[0].subtotal.to_string(), rows[0].key.sku_id.as_deref()), (true, "8.5".to_owned(), Some("0001")));
    assert!(!rows[1].with_credit, "a row without a date belongs to the month that is asked for");
}

#[test]
fn what_cannot_be_understood_is_a_rejection_with_its_row_and_microsofts_column() {
    let text = [
        HEADER.to_owned(),
        row("New", "1,x,10,8.5,USD", "", "2026-09-01"),
        row("New", "1,1,10,,USD", "", "2026-09-01"),
        "too,few".to_owned(),
        row("New", "1,1,10,10,USD", r#""[""15% Partner earned credit""#, "2026-09-01"),
        row("New", "1,1,10,10,USD", "", "yesterday"),
        row("New", "1,1,10,10,", "", "NULL"),
    ];
    let (input, rows) = read_all(&text.join("\n")).unwrap();
    assert!(rows.is_empty());
    let seen: Vec<_> = input.rejections.iter().map(|r| (r.row.unwrap_or(0), r.column.as_deref().unwrap_or(""), r.reason.word())).collect();
    let wanted = [
        (1, "EffectiveUnitPrice", "not_a_number"),
        (2, "Subtotal", "missing"),
        (3, "", "ragged"),
        (4, "PriceAdjustmentDescription", "unknown_word"),
        (5, "ChargeStartDate", "not_a_date"),
        (6, "Currency", "missing"),
    ];
    assert_eq!(seen, wanted);
    assert!(input.rejections.iter().all(|r| r.file == "invoice.csv" && r.source.as_deref() == Some("statement")));
}

#[test]
fn a_file_without_the_columns_that_tell_lines_apart_is_refused() {
    let error = read_all(&HEADER.replace(",PriceAdjustmentDescription", "")).unwrap_err();
    assert_eq!((error.exit_code(), error.trouble().code), (3, "column_missing"));
    assert!(error.to_string().contains("PriceAdjustmentDescription"));
}
