//! Rows and text arrays as Microsoft's documentation shows them.

use super::*;

fn rates(text: &str) -> Vec<(Option<String>, bool)> {
    parse_adjustments(text).expect("readable").into_iter().map(|a| (a.rate.map(|r| r.to_string()), a.credit)).collect()
}

#[test]
fn text_arrays_are_read_in_every_known_form() {
    let credit = |rate: &str| vec![(Some(rate.to_string()), true)];
    for text in [
        r#"["15.0% Partner earned credit for services managed"]"#,
        r#"[\"15.0% Partner earned credit for services managed\"]"#,
        r#"[""15.0% Partner earned credit for services managed""]"#,
        r#" [ "15 %  PARTNER  Earned Credit" ] "#,
        "15,0% Partner earned credit for services managed",
    ] {
        assert_eq!(rates(text), credit("0.15"), "{text}");
    }
    assert_eq!(rates(r#"["0.5% Partner earned credit"]"#), credit("0.005"));
    assert_eq!(rates(r#"["0% Partner earned credit"]"#), credit("0"));
    assert_eq!(rates(r#"["Partner earned credit"]"#), vec![(None, true)]);
    for nothing in ["", "  ", "[]", "[ ]", r#"[""]"#] {
        assert_eq!(rates(nothing), vec![], "{nothing}");
    }
    assert_eq!(rates(r#"["100.0% Tier 1 Discount"]"#), vec![(Some("1".to_string()), false)]);
    assert_eq!(
        rates(r#"["Price for given term","You are getting a discount for being a partner.", "15.0% Partner earned credit for services managed"]"#),
        vec![(None, false), (None, false), (Some("0.15".to_string()), true)]
    );
    assert_eq!(rates("[5% Tier 2 Discount, 15.0% Partner earned credit]").len(), 2);
}

#[test]
fn translated_words_are_no_credit_and_broken_arrays_are_refused() {
    let spanish = r#"["15,0 % crédito obtenido del partner por los servicios administrados"]"#;
    assert_eq!(rates(spanish), vec![(Some("0.15".to_string()), false)]);
    for broken in [r#"["15.0% Partner earned credit]"#, r#"["a" "b"]x"#, r#"["a""#, r#""a"]"#, r#"["a" b "c"]"#] {
        assert_eq!(parse_adjustments(broken), Err(Reason::UnknownWord), "{broken}");
    }
    assert_eq!(parse_adjustments(r#"["150% Partner earned credit"]"#), Err(Reason::OutOfRange));
    assert_eq!(rates(r#"["150% Surcharge"]"#), vec![(None, false)]);
}

/// The row of the documentation, ids shortened; changed by `with`.
fn read(with: &[(&'static str, &'static str)]) -> Result<InvoiceRow, RowFault> {
    let row = [
        ("CustomerId", "196E2273-9651-43A3-BA7E-7CBCD918FC40"),
        ("SubscriptionId", "307628f1-d9d2-f09c-ea1f-4183f0cae308"),
        ("ProductId", "DZH318Z0BNZ5"),
        ("SkuId", "006G"),
        ("AvailabilityId", "DZH318Z08B80"),
        ("InvoiceNumber", "G002297372"),
        ("ChargeType", "New"),
        ("UnitPrice", "0.045"),
        ("EffectiveUnitPrice", "0.03825"),
        ("BillableQuantity", "0.005001"),
        ("Subtotal", "0.01"),
        ("Currency", "EUR"),
        ("PricingCurrency", "USD"),
        ("PCToBCExchangeRate", "0.846202666"),
        ("PriceAdjustmentDescription", r#"["15.0% Partner earned credit for services managed"]"#),
        ("MeterDescription", "Tables - LRS Data Stored (GB/Month)"),
        ("SubscriptionDescription", "Azure plan"),
    ];
    invoice_row(&|name| with.iter().chain(row.iter()).find(|(column, _)| *column == name).map(|(_, value)| *value))
}

#[test]
fn the_documented_row_is_read() {
    let row = read(&[]).expect("readable");
    assert_eq!(row.kind, RowKind::Usage);
    assert_eq!(row.key.customer_id.as_deref(), Some("196e2273-9651-43a3-ba7e-7cbcd918fc40"));
    assert_eq!((row.key.product_id.as_deref(), row.key.sku_id.as_deref()), (Some("dzh318z0bnz5"), Some("006g")));
    assert_eq!((row.key.currency.as_str(), row.subtotal.to_string().as_str()), ("EUR", "0.01"));
    assert_eq!((row.with_credit, row.adjusted, row.credit_rate.map(|r| r.to_string())), (true, false, Some("0.15".to_string())));
    assert_eq!(row.effective_unit_price.to_string(), "0.03825");
}

#[test]
fn kinds_keys_and_faults() {
    let kind = |with: &[(&'static str, &'static str)]| read(with).expect("readable").kind;
    assert_eq!(kind(&[("ChargeType", "Rounding Adjustment")]), RowKind::RoundingAdjustment);
    assert_eq!(kind(&[("ChargeType", "cancelImmediate")]), RowKind::Other);
    assert_eq!(kind(&[("MeterDescription", ""), ("SubscriptionDescription", "Microsoft 365")]), RowKind::Other);
    assert_eq!(kind(&[("MeterDescription", "")]), RowKind::Usage);
    let key = LineKey::new("eur ", [None, Some("00000000-0000-0000-0000-000000000000"), Some("DZH318Z0BNZ5006G"), None, Some("")]);
    assert_eq!((key.currency.as_str(), key.plan_id, key.sku_id.as_deref()), ("EUR", None, Some("006g")));
    assert_eq!(LineKey::new("USD", [None, None, None, Some("1"), None]).sku_id.as_deref(), Some("0001"));
    let fault = |with: &[(&'static str, &'static str)]| read(with).map(|_| ()).map_err(|f| (f.column, f.reason));
    assert_eq!(fault(&[("Subtotal", "")]), Err(("Subtotal", Reason::Missing)));
    assert_eq!(fault(&[("BillableQuantity", "1,5")]), Err(("BillableQuantity", Reason::NotANumber)));
    assert_eq!(fault(&[("PCToBCExchangeRate", "")]), Err(("PCToBCExchangeRate", Reason::Missing)));
    assert_eq!(fault(&[("PCToBCExchangeRate", ""), ("PricingCurrency", "eur")]), Ok(()));
    assert_eq!(fault(&[("PriceAdjustmentDescription", "[\"x")]), Err(("PriceAdjustmentDescription", Reason::UnknownWord)));
    assert_eq!(fault(&[("EffectiveUnitPrice", ""), ("ChargeType", "tax")]), Ok(()));
    let zero = read(&[("PriceAdjustmentDescription", r#"["0.0% Partner earned credit"]"#)]).expect("readable");
    assert_eq!((zero.with_credit, zero.credit_rate), (false, None));
}
