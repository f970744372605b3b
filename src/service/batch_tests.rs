//! Tests of reading batches.

use super::*;

fn parse(body: &str) -> Vec<BatchLine> {
    BatchJob::parse(body.as_bytes(), 20, &Overrides::default()).unwrap().0
}

fn refusal(line: &BatchLine) -> &Refusal {
    line.job.as_ref().unwrap_err()
}

#[test]
fn a_line_is_a_request_with_an_id_and_a_wrong_one_is_wrong_alone() {
    let body = r#"{"custom_id": "a", "input": "hi", "response_format": "wav"}
{"input":

{"id": 7, "input": "hi", "tempreature": 1}
{"custom_id": "a", "input": "hi"}
{"custom_id": "你/..", "input": "hi"}
{"id": "b", "custom_id": "b", "input": "hi"}
{"id": "c", "input": "hi", "stream": true}
{"id": "", "input": "hi"}
{"input": "123456789012345678901"}
{"input": "hi"}"#;
    let lines = parse(body);
    let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [1, 2, 4, 5, 6, 7, 8, 9, 10, 11], "as an editor counts them");
    let ids: Vec<Option<&str>> = lines.iter().map(|line| line.id.as_deref()).collect();
    let expected = [Some("a"), None, Some("7"), Some("a"), Some("你/.."), None, Some("c"), None, None, None];
    assert_eq!(ids, expected);
    for (at, message) in [
        (1, "not the JSON object"),
        (2, "did you mean `temperature`?"),
        (3, "that of line 1"),
        (5, "give one"),
        (6, "given whole"),
        (7, "1 to 200 characters"),
        (8, "21 characters"),
    ] {
        assert!(refusal(&lines[at]).message.contains(message), "{at}: {}", refusal(&lines[at]));
    }
    for at in [0, 4, 9] {
        let job = lines[at].job.as_ref().unwrap();
        assert_eq!((job.request.priority, job.delivery), (Priority::Bulk, Delivery::Audio));
    }
}

#[test]
fn no_name_of_a_file_leads_elsewhere_or_is_given_twice() {
    let ids = ["../x", "/etc/passwd", "A", "a", "con", ".hidden", "a/b", r"C:\\x", r"\u0000", "00009"];
    let lines: Vec<String> = ids.iter().map(|id| format!(r#"{{"id": "{id}", "input": "hi"}}"#)).collect();
    let lines = parse(&format!("{}\n{{\"input\": \"hi\"}}", lines.join("\n")));
    let mut names: Vec<String> = lines.iter().map(|line| line.name.to_lowercase()).collect();
    for name in &names {
        assert!(!name.contains(['/', '\\', ':', '\0']) && !name.starts_with('.'), "{name}");
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), ids.len() + 1);
}

#[test]
fn a_batch_has_lines_and_not_too_many() {
    let parse = |body: &str| BatchJob::parse(body.as_bytes(), 20, &Overrides::default());
    assert_eq!(parse(" \n\n").unwrap_err().kind, RefusalKind::Parameter);
    let many = "{}\n".repeat(BATCH_LINES);
    assert_eq!(parse(&many).unwrap().0.len(), BATCH_LINES);
    assert_eq!(parse(&format!("{many}{{}}")).unwrap_err().kind, RefusalKind::TooLarge);
}
