//! `agents:skills`.

use serde_json::{Value, json};

use crate::support::{Folder, run_in_node};

const FILES: &[(&str, &str)] = &[
    (
        "src/index.ts",
        "import near from 'agents:skills'; import far from 'agents:skills/../others';
         const script = await near.readResource('notes', 'scripts/run.ts');
         console.log(JSON.stringify({ id: near.id, far: far.id, list: await near.list(), loaded: await near.load('notes'), none: [await near.load('x'), await near.readResource('notes', 'x')],
           image: (await near.readResource('notes', 'assets/a.png'))?.content, script: script?.content }));
         export default {};",
    ),
    (
        "src/skills/notes/SKILL.md",
        "---\nname: notes\ndescription: Writes notes.\nlicense: MIT\nmetadata:\n  version: 2\n---\n\n# Notes\n",
    ),
    ("src/skills/notes/references/style.md", "- short\n"),
    ("src/skills/notes/assets/a.png", "png"),
    (
        "src/skills/notes/scripts/run.ts",
        "import { upper } from './upper'; type Input = { text: string }; export default async (input: Input) => upper(input.text);",
    ),
    (
        "src/skills/notes/scripts/upper.ts",
        "export const upper = (text: string): string => text.toUpperCase();",
    ),
    ("src/skills/notes/stray.txt", "stray"),
    (
        "src/skills/again/SKILL.md",
        "---\nname: notes\ndescription: The same.\n---\n",
    ),
    ("src/skills/nameless/SKILL.md", "# Nothing\n"),
    ("src/skills/no-skill/readme.md", "x"),
    (
        "others/far/SKILL.md",
        "---\nname: far\ndescription: Far.\n---\nfar\n",
    ),
];

#[test]
fn a_folder_of_skills_is_a_module() {
    let folder = Folder::worker("src/index.ts", FILES);
    let mut builder = folder.builder().unwrap();
    let built = crate::support::build(&mut builder).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<&str> = built
        .warnings
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        warnings,
        [
            "this is not a skill: it has no `name` or no `description`",
            "this is not part of the skill: files of skills are in `references`, `scripts` or `assets`",
            "there is another skill called \"notes\"",
        ]
    );
    for watched in ["src/skills", "src/skills/notes/scripts/upper.ts"] {
        let path = folder.path().join(watched);
        assert!(built.watched.contains(&path), "{watched}");
    }
    let Some(output) = run_in_node(&built) else {
        return;
    };
    let told: Value = serde_json::from_str(&output).unwrap();
    let summary = json!({ "name": "notes", "description": "The same." });
    assert_eq!(told["list"], json!([summary]), "the first by folder counts");
    assert_eq!(
        (&told["id"], &told["far"], &told["none"]),
        (
            &json!("bundle:skills"),
            &json!("bundle:others"),
            &json!([null, null])
        )
    );
}

#[test]
fn scripts_of_skills_are_bundled() {
    let files: Vec<_> = FILES
        .iter()
        .copied()
        .filter(|(name, _)| !name.contains("again"))
        .collect();
    let built = Folder::worker("src/index.ts", &files)
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let Some(output) = run_in_node(&built) else {
        return;
    };
    let told: Value = serde_json::from_str(&output).unwrap();
    let loaded = &told["loaded"];
    assert_eq!(loaded["body"], "\n# Notes\n");
    assert_eq!(
        (&loaded["license"], &loaded["metadata"]),
        (&json!("MIT"), &json!({ "version": 2 }))
    );
    let resources: Vec<(&str, &str, &str, bool)> = loaded["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap();
            let precompiled = one["precompiled"].as_bool().unwrap();
            (text("path"), text("kind"), text("encoding"), precompiled)
        })
        .collect();
    assert_eq!(
        resources,
        [
            ("assets/a.png", "asset", "base64", false),
            ("references/style.md", "reference", "text", false),
            ("scripts/run.ts", "script", "text", true),
            ("scripts/upper.ts", "script", "text", true),
        ]
    );
    assert_eq!(told["image"], "cG5n");
    let script = told["script"].as_str().unwrap();
    assert!(
        script.contains("toUpperCase") && !script.contains("import ") && !script.contains("Input"),
        "{script}"
    );
}

#[test]
fn a_script_that_cannot_be_bundled_stays_as_it_is() {
    let files = [
        (
            "index.js",
            "import skills from 'agents:skills'; const one = await skills.readResource('a', 'scripts/a.ts'); console.log(one.precompiled, one.content); export default {};",
        ),
        ("skills/a/SKILL.md", "---\nname: a\ndescription: A.\n---\n"),
        ("skills/a/scripts/a.ts", "import 'nothing-there';"),
    ];
    let built = Folder::worker("index.js", &files)
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let [warning] = built.warnings.as_slice() else {
        panic!("{:?}", built.warnings);
    };
    assert!(
        warning
            .message
            .starts_with("this script cannot be bundled: cannot resolve \"nothing-there\""),
        "{}",
        warning.message
    );
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), "false import 'nothing-there';");
    }
}

#[test]
fn skills_that_cannot_be_had_are_told() {
    let source = "import skills from 'agents:skills'; export default skills;";
    let error = Folder::worker("index.js", &[("index.js", source)]).build_error();
    assert!(
        error.message.starts_with("there is no folder of skills: "),
        "{}",
        error.message
    );
    let files = [
        ("index.js", source),
        ("skills/a/SKILL.md", "---\nname: a\ndescription: A.\n---\n"),
        (
            "node_modules/agents/package.json",
            r#"{ "name": "agents", "version": "0.32.0" }"#,
        ),
    ];
    let error = Folder::worker("index.js", &files).build_error();
    assert_eq!(
        error.message,
        "`agents` 0.32.0 has no \"agents:skills\" any more"
    );
}
