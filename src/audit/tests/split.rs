//! The splitter against a naive twin: the same records, however the bytes arrive.

use super::super::json_split::{ARRAYS, Splitter};

/// Everything parsed at once.
fn naive(text: &str) -> Option<Vec<serde_json::Value>> {
    let mut records = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
        match value.ok()? {
            serde_json::Value::Array(items) => records.extend(items),
            serde_json::Value::Object(object) => match ARRAYS.iter().find_map(|key| object.get(*key)?.as_array().cloned()) {
                Some(items) => records.extend(items),
                None => records.push(serde_json::Value::Object(object)),
            },
            _ => return None,
        }
    }
    Some(records)
}

/// Fed with so many bytes at a time.
fn split(text: &str, step: &mut dyn FnMut() -> usize) -> Result<(Vec<serde_json::Value>, usize), &'static str> {
    let (mut splitter, mut pending, mut fed) = (Splitter::new(), Vec::new(), 0);
    let (mut records, mut around) = (Vec::new(), 0);
    loop {
        let next = (fed + step()).min(text.len());
        pending.extend_from_slice(&text.as_bytes()[fed..next]);
        fed = next;
        splitter.scan(&pending, fed == text.len())?;
        let found = splitter.take();
        records.extend(found.records.iter().map(|r| serde_json::from_slice(&pending[r.clone()]).expect("one whole value")));
        around += found.around.len();
        pending.drain(..found.until);
        if fed == text.len() {
            assert!(pending.is_empty(), "bytes are left over: {:?}", String::from_utf8_lossy(&pending));
            return Ok((records, around));
        }
    }
}

#[test]
fn records_are_the_same_however_the_bytes_arrive() {
    let record = r#"{"a": "x]}\"\\", "b": [{"c": "{["}], "d": {"records": [1]}, "e": -1.5e3}"#;
    let one = r#"{"time":"1","records":null}"#;
    let cases = [
        format!("{one}\n{one}\n"),
        format!("\n \r\n{one}\r\n\r\n{one}"),
        format!("[{one} , {record}\n,{one}]"),
        format!("{{\"x\": [1, \"]\"], \"records\": [{record}, {one}], \"nextLink\": \"}}\"}}\n"),
        format!("{{\"Value\" :[ {record} ] }} {{\"value\":[]}}\n[]\n[{one}]\n{one}\n"),
        format!("{{ }}\n{one}"),
        String::new(),
    ];
    let mut state = 5_u64;
    for text in cases {
        let naive = naive(&text.replace("\"Value\"", "\"value\"")).expect("JSON");
        for most in [1, 2, 3, 7, 50, 1000] {
            let mut step = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                1 + (state >> 33) as usize % most
            };
            assert_eq!(split(&text, &mut step).expect("records").0, naive, "{text} in steps of up to {most}");
        }
    }
}

#[test]
fn documents_that_do_not_close_are_told() {
    for text in ["[", "[{", "[{}", "[{},", "{\"value\":[", "{\"records\":[{}]", "{\"records\":[{}],\"nextLink\":\""] {
        assert!(split(text, &mut || 1).is_err(), "{text}");
    }
    for text in ["[}", "[{}{}]", "[{},]", "[1]", "7", "\"x\"", "{\"value\":[null]}", "[]]"] {
        assert_eq!(split(text, &mut || 1), Err("no JSON object"), "{text}");
    }
}
