//! The part of a script that a failure needs.

use std::time::Instant;

use serde_json::{Value, json};

/// Leaves out steps and operations as long as it `fails` without them, but not after a time: how things die is not the same
/// each time, so some that are not needed may be left. Gives why it fails then.
pub(super) async fn shortest(
    mut script: Value,
    mut why: String,
    until: Instant,
    fails: impl AsyncFn(&Value) -> Option<String>,
) -> (Value, String) {
    loop {
        let before = script.clone();
        let mut lists = Vec::new();
        find_lists(&script, String::new(), &mut lists);
        for list in lists {
            let count = |script: &Value| {
                let items = script.pointer(&list).and_then(Value::as_array);
                items.map_or(0, Vec::len)
            };
            let mut size = count(&script).div_ceil(2);
            while size > 0 {
                let mut at = 0;
                while at < count(&script) {
                    if Instant::now() > until {
                        return (script, why);
                    }
                    let mut fewer = script.clone();
                    let items = fewer.pointer_mut(&list).and_then(Value::as_array_mut);
                    let items = items.expect("it has just been counted");
                    items.drain(at..items.len().min(at + size));
                    match fails(&fewer).await {
                        Some(reason) => (script, why) = (fewer, reason),
                        None => at += size,
                    }
                }
                size /= 2;
            }
        }
        if script == before {
            return (script, why);
        }
    }
}

/// Where lists are of what begins with a word, the outer ones first: steps, operations, pairs.
fn find_lists(value: &Value, at: String, found: &mut Vec<String>) {
    let Value::Array(items) = value else { return };
    if !items.is_empty() && items.iter().all(|item| item[0].is_string()) {
        found.push(at.clone());
    }
    for (index, item) in items.iter().enumerate() {
        find_lists(item, format!("{at}/{index}"), found);
    }
}

#[test]
fn what_a_failure_does_not_need_is_left_out() {
    let all = json!([
        ["apply", [["get", "a"], ["put", "a", 1]]],
        ["look"],
        [
            "apply",
            [[
                "transaction",
                [["put", "b", 1], ["roll back"], ["sum"]],
                true
            ]]
        ],
        ["deploy"],
        ["apply", [["sum"], ["sync"]]],
    ]);
    let fails = async |script: &Value| {
        let text = script.to_string();
        let needed = ["roll back", "deploy", "sync"];
        needed
            .iter()
            .all(|word| text.contains(word))
            .then_some(text)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let until = Instant::now() + std::time::Duration::from_secs(60);
    let found = shortest(all, String::new(), until, fails);
    let (script, why) = runtime.unwrap().block_on(found);
    let least = json!([
        ["apply", [["transaction", [["roll back"]], true]]],
        ["deploy"],
        ["apply", [["sync"]]],
    ]);
    assert_eq!(script, least);
    assert_eq!(why, least.to_string());
}
