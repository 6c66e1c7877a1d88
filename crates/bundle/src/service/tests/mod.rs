use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod here;

/// The header of the reply to a build of these files, and the contents that follow it.
fn build(action: &str, files: &[(&str, &str)], options: Value) -> (Value, String) {
    let lengths: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!([path, content.len()]))
        .collect();
    let header = json!({ "action": action, "files": lengths, "options": options });
    let contents: String = files.iter().map(|(_, content)| *content).collect();
    let request = request::encode(&header.to_string(), contents.as_bytes());
    read(&answer(&alone().unwrap(), request, Vec::new()))
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
        let (header, _) = read(&answer(&alone().unwrap(), request, packages));
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

/// A whole request, and packages that go with it.
fn whole_frames() -> [Vec<u8>; 2] {
    let own = [
        ("index.ts", "import a from 'a'; export default a as any;"),
        ("b.json", "{}"),
    ];
    let packages = [("node_modules/a/index.js", "module.exports = 1;")];
    let lengths = |files: &[(&str, &str)]| -> Vec<Value> {
        let files = files.iter();
        files
            .map(|(path, content)| json!([path, content.len()]))
            .collect()
    };
    let contents =
        |files: &[(&str, &str)]| -> String { files.iter().map(|(_, content)| *content).collect() };
    let header =
        json!({ "action": "worker", "files": lengths(&own), "options": { "jsx": "automatic" } });
    let request = request::encode(&header.to_string(), contents(&own).as_bytes());
    let header = json!({ "files": lengths(&packages), "installed": [], "warnings": [] });
    [
        request,
        request::encode(&header.to_string(), contents(&packages).as_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each gets a reply that is whole, be it that there is nothing to build.
    #[test]
    fn frames_that_lie_get_an_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
        of_packages in any::<bool>(),
    ) {
        let mut frames = whole_frames();
        let frame = &mut frames[usize::from(of_packages)];
        // What the source means is for the bundler, which has tests of its own.
        let header = 4 + u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
        for (at, byte) in changes {
            frame[at.index(header)] = byte;
        }
        if is_cut {
            frame.truncate(end.index(frame.len()));
        }
        let [request, packages] = frames;
        let (header, contents) = read(&answer(&alone().unwrap(), request, packages));
        prop_assert!(header["mainModule"] == "bundle.js" || header["error"]["message"].is_string(), "{header}");
        let lengths = header["modules"].as_array().into_iter().flatten().map(|module| module[2].as_u64().unwrap());
        prop_assert!(header["error"].is_object() || lengths.sum::<u64>() == contents.len() as u64, "{header}");
    }

    #[test]
    fn bytes_that_are_no_request_get_an_answer(request in prop::collection::vec(any::<u8>(), 0..64)) {
        let (header, _) = read(&answer(&alone().unwrap(), request, Vec::new()));
        prop_assert!(header["error"]["message"].is_string());
    }
}
