use serde_json::{Value, json};

use super::*;

/// The header of the reply to a build of these files, and the contents that follow it.
fn build(action: &str, files: &[(&str, &str)], options: Value) -> (Value, String) {
    let lengths: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!([path, content.len()]))
        .collect();
    let header = json!({ "action": action, "files": lengths, "options": options });
    let contents: String = files.iter().map(|(_, content)| *content).collect();
    let request = request::encode(&header.to_string(), contents.as_bytes());
    read(&answer(&runtime().unwrap(), request, Vec::new()))
}

fn read(reply: &[u8]) -> (Value, String) {
    let length = u32::from_le_bytes(reply[..4].try_into().unwrap()) as usize;
    let header = serde_json::from_slice(&reply[4..4 + length]).unwrap();
    (
        header,
        String::from_utf8_lossy(&reply[4 + length..]).into_owned(),
    )
}

#[test]
fn requests_that_lie_are_refused() {
    let message = |request: Vec<u8>, packages: Vec<u8>| {
        let (header, _) = read(&answer(&runtime().unwrap(), request, packages));
        header["error"]["message"].as_str().unwrap().to_owned()
    };
    let whole = "The build request is not whole.";
    let long = |header: &str| request::encode(header, b"12345");
    assert_eq!(message(Vec::new(), Vec::new()), whole);
    assert_eq!(message(vec![255, 255, 255, 255, 1], Vec::new()), whole);
    let too_long = r#"{"action":"worker","files":[["a.js",6]]}"#;
    assert_eq!(message(long(too_long), Vec::new()), whole);
    let overflow = r#"{"action":"worker","files":[["a.js",5],["b.js",18446744073709551615]]}"#;
    assert_eq!(message(long(overflow), Vec::new()), whole);
    let fine = r#"{"action":"worker","files":[["a.js",5]]}"#;
    assert_eq!(message(long(fine), vec![9, 0, 0, 0]), whole);
    assert!(message(long(r#"{"action":"rm"}"#), Vec::new()).contains("unknown variant"));
    let path = "x/".repeat(100);
    let deep = format!(r#"{{"action":"worker","files":[["{path}",5]]}}"#);
    assert!(message(long(&deep), Vec::new()).starts_with("A file's path is too long"));
}

#[test]
fn imports_stay_within_the_files() {
    let (header, code) = build(
        "worker",
        &[(
            "src/index.ts",
            "import a from '/etc/passwd'; import b from '../../../../etc/hostname'; import c from 'file:///etc/passwd';
             export default [a, b, c];",
        )],
        json!({}),
    );
    let warnings = header["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 3, "{header}");
    assert!(code.contains("from \"/etc/passwd\""), "{code}");
    assert!(!code.contains("root:"), "{code}");
}

#[test]
fn mistakes_have_their_places_in_the_form_of_esbuild() {
    let (header, _) = build(
        "worker",
        &[(
            "src/index.ts",
            "export default {\n  fetch( { return 1 }\n};",
        )],
        json!({}),
    );
    let error = &header["error"];
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Build failed with 1 error:\nsrc/index.ts:2:"),
        "{message}"
    );
    assert_eq!(error["errors"][0]["location"]["line"], 2);
}
