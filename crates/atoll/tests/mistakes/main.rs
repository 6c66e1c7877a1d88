//! What people see who make a mistake, or whose machine does: `newcomer.txt` and `operator.txt` have the words, each with
//! the command and its exit code. Read them as a stranger would.
//!
//! `WRITE_MESSAGES=1` writes both files anew.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "a case that did not run has to say so")]

mod newcomer;
mod operator;
#[path = "../support/mod.rs"]
mod support;
mod told;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

/// Cases that run at once.
const AT_ONCE: usize = 4;

/// A mistake: its name, and what is told when it is made. `None` where this machine cannot make it.
type Case = (&'static str, fn() -> Option<String>);

/// Makes all mistakes, and compares what is told with the file of that name.
fn check(name: &str, cases: &[Case]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mistakes")
        .join(name);
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let left = Mutex::new(cases.iter().enumerate());
    let told = Mutex::new(vec![String::new(); cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((index, (title, make))) = left.lock().unwrap().next() else {
                        return;
                    };
                    let text = match make() {
                        Some(text) => format!("## {title}\n\n{}\n", text.trim_end()),
                        None => {
                            println!("skipped here: {title}");
                            section(&known, title).to_owned()
                        }
                    };
                    told.lock().unwrap()[index] = text;
                }
            });
        }
    });
    let told = told.into_inner().unwrap().join("\n");
    if std::env::var_os("WRITE_MESSAGES").is_some() {
        std::fs::write(&path, told).unwrap();
        return;
    }
    let mut different = String::new();
    for (title, _) in cases {
        let (was, is) = (section(&known, title), section(&told, title));
        if was != is {
            write!(different, "expected\n{was}\ngot\n{is}\n").unwrap();
        }
    }
    assert!(different.is_empty(), "{name}:\n{different}");
    assert_eq!(known, told, "{name} has other cases, or in another order");
}

/// The part of a file under a title.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let heading = format!("## {title}\n");
    let Some(start) = text.find(&heading) else {
        return "";
    };
    let rest = &text[start + heading.len()..];
    let end = rest.find("\n## ").map_or(rest.len(), |end| end + 1);
    let section = &text[start..start + heading.len() + end];
    section
        .strip_suffix("\n\n")
        .map_or(section, |whole| &text[start..start + whole.len() + 1])
}

#[test]
fn newcomers_are_told_what_to_change() {
    check("newcomer.txt", newcomer::CASES);
}

#[test]
fn operators_are_told_what_to_do() {
    check("operator.txt", operator::CASES);
}
