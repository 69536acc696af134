//! Damaged, torn, oversized and foreign JSON: an error that names file and row, and never a panic.

use serde_json::json;

use super::json::{folder, gzip, lines, properties, read_json, request_body, stored};
use super::*;
use crate::job::AuditFormat::{ActivityLogJson, AzureActivity};

const T1: &str = "2026-09-02T10:00:00Z";

fn records() -> Vec<serde_json::Value> {
    vec![
        stored(T1, WRITE, "Start", properties(json!({"requestbody": request_body().to_string()}))),
        stored(T1, WRITE, "Success", properties(json!({"statusCode": "Created \u{e9} {\"[,]"}))),
        json!({"time": "2026-09-03", "operationName": "x"}),
        stored("2026-09-04", DELETE, "Success", properties(json!({}))),
    ]
}

fn trouble(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let error = read_json(name, bytes).expect_err("trouble");
    assert_eq!(error.exit_code(), 3);
    format!("{}: {} {}", error.trouble().code, error.trouble().place, error.trouble().seen)
}

const HOUR: &str = "resourceId=/SUBSCRIPTIONS/S/y=2026/m=09/d=02/h=10/m=00/PT1H.json";

#[test]
fn the_last_line_of_the_newest_hour_may_be_cut() {
    let text = lines(&records());
    let whole = text.trim_end();
    for cut in 1..whole.len() {
        let cut_text = &whole.as_bytes()[..whole.len() - cut];
        if cut_text.ends_with(b"\n") {
            break;
        }
        let input = read_json(HOUR, cut_text).unwrap_or_else(|e| panic!("{cut}: {e}"));
        assert_eq!((input.rows, input.counts.get("cut_last_lines"), input.records.len()), (3, Some(&1), 2), "{cut}");
        assert_eq!(input.newest, parse_instant("2026-09-03"), "what is cut off does not make the log reach further");
        assert!(trouble("a.json", cut_text).starts_with("audit_json: logs/a.json, row 4 no whole JSON object"), "{cut}");
    }
    let middle = text.replacen("\"category\":\"Administrative\"", "\"category\":\n", 1);
    assert!(trouble(HOUR, middle).contains("PT1H.json, row 1"), "only the last line may be cut");
    let nonsense = format!("{text}garbage");
    assert!(trouble(HOUR, nonsense).contains("PT1H.json, row 5"), "a cut line begins like an object");
    assert!(trouble(HOUR, format!("{text}{{\"a\":}}")).contains("PT1H.json, row 5"));
    assert!(trouble(HOUR, [text.as_bytes(), b"{\"a\":\"\xff\xff"].concat()).contains("row 5"));
}

#[test]
fn only_the_newest_hour_of_each_log_may_be_cut() {
    let text = lines(&records());
    let cut = &text[..text.len() - 40];
    let older = HOUR.replace("h=10", "h=09");
    let other = HOUR.replace("/S/", "/T/").replace("h=10", "h=07");
    let read = |files: &[(&str, &str)]| read_as(ActivityLogJson, folder(files).path());
    let (input, _) = read(&[(&older, &text), (HOUR, cut), (&other, cut)]).unwrap();
    assert_eq!((input.counts.get("cut_last_lines"), input.rows), (Some(&2), 10));
    let error = read(&[(&older, cut), (HOUR, &text)]).unwrap_err();
    assert!(error.trouble().place.contains("h=09") && error.trouble().place.ends_with("row 4"), "{error}");
}

#[test]
fn what_is_no_record_stops_the_run() {
    let text = lines(&records());
    let document = json!({"records": records()}).to_string();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (text.replacen("{\"RoleLocation\"", "\"RoleLocation\"", 1).into(), "row 1 no JSON object"),
        (text.replacen("\n{\"time\"", "\n[{\"time\"", 1).into(), "row 3 no whole JSON object"),
        (format!("{text}7\n").into(), "row 5 no whole JSON object"),
        (format!("{text}null\n").into(), "row 5 no whole JSON object"),
        ([text.as_bytes(), b"{\"a\":\"\xff\"}\n"].concat(), "row 5 bytes that are not UTF-8"),
        (text.replacen("\"time\":", "\"Time\":1,\"time\":", 1).into(), "row 1 the key `time` twice"),
        (b"\xff\xfe[\0]\0".to_vec(), "UTF-16"),
        (document[..document.len() - 1].into(), "row 5 the file stops inside the document"),
        (document[..document.len() - 40].into(), "row 4 the file stops inside the document"),
        (document.replacen("},{", "},7,{", 1).into(), "row 2 no JSON object"),
        (document.replacen("},{", "}{", 1).into(), "row 2 no JSON object"),
        (format!("{}x", document).into(), "row 5 no JSON object"),
        (json!({"records": records(), "value": []}).to_string().into(), "row 5 two arrays"),
        (b"[null]".to_vec(), "row 1 no JSON object"),
        (b"please run az login".to_vec(), "row 1 no JSON object"),
        (b"{\"records\":[{]}]}".to_vec(), "row 1 no whole JSON object"),
        ("{\"a\":".repeat(200_000).into(), "row 1 no whole JSON object"),
    ];
    for (bytes, says) in cases {
        let said = trouble("a.json", &bytes);
        assert!(said.starts_with("audit_json: logs/a.json") && said.contains(says), "{says}: {said}");
    }
    assert!(
        trouble("a.json", "{\"error\": {\"code\": \"AuthorizationFailed\"}}").contains("no record with `time` or `eventTimestamp` or with `operationName`")
    );
    let without_status = text.replace("\"resultType\"", "\"resultTyp\"");
    assert!(trouble("a.json", without_status).ends_with("no record with `resultType` or `status`"), "a delete that nothing proves would be passed over");
    assert!(trouble("a.json", json!({"records": [], "Records": 1}).to_string()).contains("the key `records` twice"));
    assert!(trouble("a.csv", "a,b\n").starts_with("format: "));
    assert!(trouble("a.json.gz", &gzip(text.as_bytes())[..300]).starts_with("damaged_file: "));
}

#[test]
fn logs_of_another_format_are_refused_by_name() {
    let dir = folder(&[("a.json", lines(&records()))]);
    let error = read_as(AzureActivity, dir.path()).unwrap_err();
    assert!(
        error.trouble().code == "column_missing" && error.to_string().contains("azure-activity") && error.to_string().contains("`TimeGenerated`"),
        "{error}"
    );
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let mut record = lines(&records()[..1]);
    record.insert_str(1, &format!("\"deep\":{deep},\"n\":1e999999,"));
    assert_eq!(read_json("a.json", &record).unwrap().records.len(), 1);
    let long = lines(&[json!({"time": T1, "operationName": "x", "y": "z".repeat(21 << 20)})]);
    for text in [long.clone(), format!("[{long}]"), format!("{{\"y\":{}", &long), format!("{}{long}", lines(&records()))] {
        let said = trouble("a.json", gzip(text.as_bytes()));
        assert!(said.starts_with("audit_json_size: logs/a.json, row ") && said.contains("16 MiB"), "{said}");
    }
}

#[test]
fn long_files_are_read_in_pieces() {
    let filler = json!({"time": "2026-09-01", "operationName": "x", "y": "\\\"}{z".repeat(50_000)});
    let records: Vec<_> =
        (0..60).map(|n| if n % 20 == 7 { stored(T1, DELETE, "Success", json!({"eventDataId": n.to_string()})) } else { filler.clone() }).collect();
    for text in [lines(&records), json!({"nextLink": "x", "value": records}).to_string(), serde_json::to_string_pretty(&records).unwrap()] {
        assert!(text.len() > 16 << 20, "a file of several pieces");
        let (input, files) = read_as(ActivityLogJson, folder(&[("a.json", &text)]).path()).unwrap();
        let rows: Vec<(u64, &str)> = input.records.iter().map(|r| (r.place.row, r.event_data_id.as_str())).collect();
        assert_eq!(rows, [(8, "7"), (28, "27"), (48, "47")]);
        assert_eq!((input.rows, files.files[0].rows), (60, 60));
        let damaged = text.replacen("\"operationName\":\"x\"", "\"operationName\":x", 1).replacen("\"operationName\": \"x\"", "\"operationName\": x", 1);
        assert!(trouble("a.json", damaged).contains("row 1 "));
        let at = text.rfind("virtual").or(text.rfind("\"time\"")).unwrap();
        assert!(trouble("a.json", format!("{}\u{1}{}", &text[..at], &text[at + 1..])).contains("row 60 "));
    }
}

/// Cut anywhere, with flipped bytes: a result or an error that names the file, never a panic.
#[test]
fn mutations_are_read_or_refused_by_name() {
    let good = [
        lines(&records()).into_bytes(),
        json!({"records": records()}).to_string().into_bytes(),
        serde_json::to_vec_pretty(&json!({"value": records(), "nextLink": "x"})).unwrap(),
        gzip(lines(&records()).as_bytes()),
    ];
    let mut state = 11_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n.max(1)
    };
    let (mut read, mut refused) = (0, 0);
    for at in 0..600 {
        let mut bytes = good[at % good.len()].clone();
        for _ in 0..below(4) {
            let place = below(bytes.len());
            bytes[place] ^= 1 << below(8);
        }
        if below(2) == 0 {
            bytes.truncate(below(bytes.len()));
        }
        match read_json("a.json", &bytes) {
            Ok(input) => {
                read += 1;
                assert!(input.records.len() as u64 + input.passed_over + input.rejections.len() as u64 <= input.rows);
            }
            Err(error) => {
                refused += 1;
                assert!(error.exit_code() == 3 && error.trouble().place.starts_with("logs/a.json"), "{error}");
            }
        }
    }
    assert!(read > 50 && refused > 200, "{read} read, {refused} refused");
}
