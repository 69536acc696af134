//! Reading numbers, exact products, one rounding.

use super::*;

fn d(text: &str) -> D22 {
    D22(parse_number(text).expect("test number").value)
}

#[test]
fn numbers_are_read_exactly() {
    for (text, shown) in [
        ("1", "1"),
        (" +1.50 ", "1.5"),
        ("-0", "0"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("12E-3", "0.012"),
        ("9999999999999999", "9999999999999999"),
        ("0.0000000000000000000001", "0.0000000000000000000001"),
        ("1e-999999999999", "0"),
        ("0e99999", "0"),
    ] {
        assert_eq!(d(text).to_string(), shown, "{text}");
    }
    for text in ["", "-", ".", "1,000", "0x10", "NaN", "inf", "1e", "1 2", "--1", "1e+-2", "١"] {
        assert_eq!(parse_number(text), Err(NumberFault::NotANumber), "{text}");
    }
    assert_eq!(parse_number("10000000000000000"), Err(NumberFault::TooLarge));
    assert_eq!(parse_number("9999999999999999.99999999999999999999996"), Err(NumberFault::TooLarge));
}

#[test]
fn places_beyond_22_round_half_even_and_are_counted() {
    let rounded = |text| parse_number(text).map(|p| (p.value, p.rounded));
    assert_eq!(rounded("0.00000000000000000000005"), Ok((0, true)));
    assert_eq!(rounded("0.00000000000000000000015"), Ok((2, true)));
    assert_eq!(rounded("0.000000000000000000000150001"), Ok((2, true)));
    assert_eq!(rounded("0.00000000000000000000025"), Ok((2, true)));
    assert_eq!(rounded("0.000000000000000000000009"), Ok((0, true)));
    assert_eq!(rounded("0.0000000000000000000001000"), Ok((1, false)));
    assert_eq!(rescale_operand(25, 23).map(|p| (p.value, p.rounded)), Ok((2, true)));
    assert_eq!(rescale_operand(35, 23).map(|p| (p.value, p.rounded)), Ok((4, true)));
    assert_eq!(rescale_operand(-3, 0).map(|p| p.value), Ok(-30_000_000_000_000_000_000_000));
    assert_eq!(rescale_operand(7, -2).map(|p| D22(p.value).to_string()), Ok("700".into()));
}

#[test]
fn rates_are_normalised_to_fractions() {
    for (text, shown) in
        [("15", "0.15"), ("0.15", "0.15"), ("15%", "0.15"), ("15.0 %", "0.15"), ("1", "1"), ("100", "1"), ("0", "0"), ("0.5%", "0.005"), ("1.5", "0.015")]
    {
        assert_eq!(parse_rate(text).map(|p| D22(p.value).to_string()), Ok(shown.into()), "{text}");
    }
    for text in ["-0.1", "101", "101%", "1e30"] {
        assert_eq!(parse_rate(text), Err(NumberFault::OutOfRange), "{text}");
    }
    assert_eq!(parse_rate("%"), Err(NumberFault::NotANumber));
}

#[test]
fn narrow_and_wide_products_agree() {
    let values =
        ["0", "1", "-1", "0.15", "24", "0.0123456789012345678901", "9999999999999999", "-3.5", "0.0000000000000000000001", "1.1", "730.25", "0.846202666"];
    for a in values {
        for b in values {
            for c in ["0.15", "1", "0.846202666"] {
                let operands = [d(a), d(b), d(c)];
                assert_eq!(product(&operands), product_wide(&operands), "{a} {b} {c}");
            }
        }
    }
}

#[test]
fn rounding_is_half_to_even_once() {
    assert_eq!(product(&[d("0.0000000000005"), d("1")]), Ok(D12(0)));
    assert_eq!(product(&[d("0.0000000000015"), d("1")]), Ok(D12(2)));
    assert_eq!(product(&[d("-0.0000000000025"), d("1")]), Ok(D12(-2)));
    assert_eq!(product(&[d("9999999999999999"), d("9999999999999999"), d("1")]), Err(TooLarge));
}

#[test]
fn net_base_and_implied_are_exact() {
    assert_eq!(grossed_up_product(d("8.5"), d("0.15"), &[d("0.15")]).map(|a| a.to_string()), Ok("1.5".into()));
    assert_eq!(grossed_up_product(d("1"), d("0.7"), &[]).map(|a| a.to_string()), Ok("3.333333333333".into()));
    assert_eq!(product_less(d("10"), d("2"), d("17")).map(|a| a.to_string()), Ok("3".into()));
    assert_eq!(product_less(d("-10"), d("2"), d("-17")).map(|a| a.to_string()), Ok("-3".into()));
    assert_eq!(product_less(d("1"), d("2"), d("5")).map(|a| a.to_string()), Ok("-3".into()));
    assert_eq!(product_less(d("1"), d("2"), d("-5")).map(|a| a.to_string()), Ok("7".into()));
}

/// A random operand of up to `digits` digits with trailing zeros.
fn operand(state: &mut u128, digits: u32) -> D22 {
    *state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(0x5851_F42D_4C95_7F2D);
    let kept = 1 + u32::try_from((*state >> 97) % u128::from(digits)).unwrap();
    let value = (*state >> 8) % 10u128.pow(kept) * 10u128.pow(u32::try_from((*state >> 90) % u128::from(39 - kept)).unwrap());
    let value = i128::try_from(value).unwrap();
    D22(if *state >> 127 == 1 { -value } else { value })
}

#[test]
fn narrow_paths_equal_their_wide_twins() {
    let mut state = 7u128;
    for round in 0..200_000u32 {
        let digits = [3, 8, 20, 38][(round % 4) as usize];
        let [a, b, c, d] = std::array::from_fn(|_| operand(&mut state, digits));
        for operands in [&[a][..], &[a, b], &[a, b, c], &[a, b, c, d]] {
            if operands.len() > 1 {
                assert_eq!(product(operands), product_wide(operands), "{operands:?}");
            }
        }
        assert_eq!(Factors::of(a).times(b).amount_less(c), product_less(a, b, c), "{a} {b} {c}");
        let amount = D12(d.0);
        assert_eq!(amount_product_less(amount, b, c), amount_product_less_wide(amount, b, c), "{amount} {b} {c}");
        if let Ok(rounded) = product_wide(&[a, b]) {
            assert!(is_rounded_product(a, b, rounded), "{a} {b} {rounded}");
            assert!(!is_rounded_product(a, b, D12(rounded.0 + 1)) && !is_rounded_product(a, b, D12(rounded.0 - 1)), "{a} {b} {rounded}");
            assert!(rounded.0 == 0 || !is_rounded_product(a, b, D12(-rounded.0)));
        }
    }
    // Ties: half a unit of the twelfth place.
    for (a, even, odd) in [("0.0000000000005", 0, 1), ("0.0000000000015", 2, 1), ("-0.0000000000025", -2, -3)] {
        assert!(is_rounded_product(d(a), ONE, D12(even)) && !is_rounded_product(d(a), ONE, D12(odd)), "{a}");
    }
}
