//! Public cases of exact decimal arithmetic (`decimal/exact-cases.tsv` of the corpora): money multiplies and adds exactly, or
//! refuses. R-MONEY-3.
//!
//! `PECAN_CORPORA` = where the corpora are; without them the test says so and counts as skipped.

use num_bigint::BigInt;
use pecan::decide::cells::checked_sum;
use pecan_core::money::{AMOUNT_PLACES, D22, OPERAND_PLACES, parse_number, product, product_wide};

use crate::hostile::corpora;

/// A decimal as integer and number of places, of any size.
fn exact(text: &str) -> (BigInt, i64) {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().expect("an exponent")),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let places = i64::try_from(fraction.len()).expect("few places") - exponent;
    (digits, places)
}

/// The value at so many places, half to even.
fn at_places((digits, places): &(BigInt, i64), wanted: u32) -> BigInt {
    let shift = i64::from(wanted) - places;
    let ten = BigInt::from(10u8);
    let power = |n: i64| ten.pow(u32::try_from(n).expect("a small power"));
    if shift >= 0 {
        return digits * power(shift);
    }
    let divisor = power(-shift);
    let (quotient, rest) = (digits / &divisor, digits % &divisor);
    let twice = BigInt::from(rest.magnitude().clone()) * 2u8;
    let odd = &quotient % 2u8 != BigInt::ZERO;
    let up = twice > divisor || (twice == divisor && odd);
    let step = if digits.sign() == num_bigint::Sign::Minus { BigInt::from(-1i8) } else { BigInt::from(1u8) };
    if up { quotient + step } else { quotient }
}

/// An operand that is read exactly; `None`: money refuses it, or says that it rounded it.
fn operand(text: &str) -> Option<D22> {
    let read = parse_number(text).ok()?;
    let exact = exact(text);
    assert_eq!(BigInt::from(read.value), at_places(&exact, OPERAND_PLACES), "{text} is read as another number");
    (!read.rounded).then_some(D22(read.value))
}

fn fits(value: &BigInt) -> bool {
    *value.magnitude() < BigInt::from(10u8).pow(38).into_parts().1
}

/// R-MONEY-3: what multiply and add give is the exact result, rounded once to 12 places, or a refusal, never anything else.
#[test]
fn money_is_exact_or_refuses() {
    let Some(corpora) = corpora() else { return };
    let text = std::fs::read_to_string(corpora.join("decimal/exact-cases.tsv")).expect("the cases");
    let (mut exact_results, mut refused, mut unread) = (0, 0, 0);
    for line in text.lines() {
        let [operation, a, b, result] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (Some(left), Some(right)) = (operand(a), operand(b)) else {
            unread += 1;
            continue;
        };
        let expected = exact(result);
        match operation {
            "multiply" => {
                let (given, rounded) = (product(&[left, right]), at_places(&expected, AMOUNT_PLACES));
                assert_eq!(given, product_wide(&[left, right]), "{line}: the two paths differ");
                match given {
                    Ok(amount) => assert_eq!(BigInt::from(amount.0), rounded, "{line}"),
                    Err(_) => assert!(!fits(&rounded), "{line}: refused although it fits"),
                }
                if given.is_ok() { exact_results += 1 } else { refused += 1 }
            }
            "add" | "subtract" => {
                let right = if operation == "add" { right.0 } else { -right.0 };
                let (given, sum) = (checked_sum(left.0, right), at_places(&expected, OPERAND_PLACES));
                match given {
                    Ok(value) => assert_eq!(BigInt::from(value), sum, "{line}"),
                    Err(_) => assert!(!fits(&sum), "{line}: refused although it fits"),
                }
                if given.is_ok() { exact_results += 1 } else { refused += 1 }
            }
            other => panic!("an unknown operation {other}"),
        }
    }
    println!("exact {exact_results}, refused {refused}, operands refused or rounded aloud {unread}");
    assert!(exact_results > 1_000, "{exact_results} cases prove little");
}
