//! What people see who make a mistake: exit code, standard output and standard error.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::Project;

fn check(project: &Project, arguments: &[&str], code: i32, stderr: &str) {
    let got = project.run(arguments);
    let expected = (code, String::new(), stderr.to_owned());
    assert_eq!(got.2, expected.2, "atoll {}", arguments.join(" "));
    assert_eq!(got, expected, "atoll {}", arguments.join(" "));
}

#[test]
fn no_configuration() {
    check(
        &Project::new(&[]),
        &["dev"],
        2,
        "error: no wrangler.jsonc, wrangler.json or wrangler.toml here or above\n  .\n  \
         hint: name it with --config, or make a project with `atoll new NAME`\n",
    );
}

#[test]
fn a_configuration_that_does_not_exist() {
    let project = Project::new(&[("wrangler.jsonc", "{}")]);
    check(
        &project,
        &["serve", "-c", "wrangler.josnc"],
        2,
        "error: there is no such configuration file\n  wrangler.josnc\n  hint: did you mean `wrangler.jsonc`?\n",
    );
}

#[test]
fn arguments_that_are_none() {
    let project = Project::of("export default {}");
    for (arguments, first_line) in [
        (
            &["dev", "--prot", "1"][..],
            "error: unexpected argument '--prot' found",
        ),
        (
            &["dev", "--var", "novalue"],
            "error: invalid value 'novalue' for '--var <NAME:VALUE>': it has the form NAME:VALUE",
        ),
        (
            &["serve", "--ip", "nowhere"],
            "error: invalid value 'nowhere' for '--ip <ADDRESS>': it is an IP address, `localhost`, or `*` for all",
        ),
    ] {
        let (code, stdout, stderr) = project.run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert_eq!(stderr.lines().next(), Some(first_line));
    }
}

#[test]
fn https_is_refused() {
    check(
        &Project::of("export default {}"),
        &["dev", "--local-protocol", "https"],
        2,
        "error: https is not there yet\n  hint: listen for http, and put a proxy that speaks TLS before it\n",
    );
}

#[test]
fn code_that_does_not_parse() {
    check(
        &Project::of("export default {\n  fetch() {\n    return new Response(;\n  }\n}\n"),
        &["serve", "--port", "0"],
        2,
        "error: unexpected token\n  index.js:3:25\n    1 │ export default {\n    2 │   fetch() {\n    \
         3 │     return new Response(;\n      │                         ^\n    4 │   }\n    5 │ }\n",
    );
}

#[test]
fn a_throw_at_the_top_of_an_imported_module() {
    let project = Project::of(
        "export { K, other } from \"./lib.js\";\nimport { helper } from \"./lib.js\";\n\
         export default { fetch() { return new Response(helper()) } };\n",
    );
    project.write(
        "lib.js",
        "throw new Error(\"lib is broken\");\nexport const other = 1;\nexport class K {}\n\
         export function helper() {}\n",
    );
    check(
        &project,
        &["serve", "--port", "0"],
        2,
        "error: Uncaught Error: lib is broken\n  lib.js:1:11\n    1 │ throw new Error(\"lib is broken\");\n      \
         │           ^\n    2 │ export const other = 1;\n    3 │ export class K {}\n  at <anonymous> (lib.js:1:11)\n",
    );
}

#[test]
fn a_top_level_that_never_ends() {
    for (code, place) in [
        (
            "const x = 1;\n\nfor (;;) x.toString();\nexport default {};\n",
            "index.js:3:",
        ),
        (
            "function spin(n) {\n  while (true) n = Math.abs(n);\n}\nawait spin(1);\nexport default {};\n",
            "index.js:2:",
        ),
        // A loop of nothing has no place of its own.
        (
            "const x = 1;\n\nfor (;;) {}\nexport default {};\n",
            "at <anonymous> (index.js:1:1)",
        ),
        (
            "/(a+)+b/.test(\"a\".repeat(30));\nexport default {};\n",
            "index.js:1:",
        ),
    ] {
        let project = Project::of(code);
        project.write("atoll.jsonc", r#"{ "limits": { "startupCpuMs": 50 } }"#);
        let (code, _, stderr) = project.run(&["serve", "--port", "0"]);
        assert_eq!(code, 2, "{stderr}");
        let told = "error: Too much processor time: Worker exceeded CPU time limit (50 ms).\n";
        assert!(stderr.starts_with(&format!("{told}  {place}")), "{stderr}");
        assert!(stderr.contains("  hint: `limits.cpu_ms`"), "{stderr}");
    }
}

#[test]
fn imports_that_the_runtime_does_not_have() {
    for (import, message, hint) in [
        (
            "import fs from \"node:fss\";",
            "error: Uncaught Error: No such module \"node:fss\".\n  index.js:1:16\n",
            "  hint: did you mean \"node:fs\"?\n",
        ),
        (
            "import { readFil as fs } from \"fs\";",
            "error: The code does not load: \"node:fs\" has no export named readFil\n  index.js:1:31\n",
            "",
        ),
    ] {
        let project = Project::of(&format!(
            "{import}\nexport default {{ fetch() {{ return fs }} }};\n"
        ));
        let (code, _, stderr) = project.run(&["serve", "--port", "0"]);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.starts_with(message), "{stderr}");
        assert!(stderr.ends_with(hint), "{stderr}");
    }
}

#[test]
fn something_thrown_that_is_no_error() {
    let project = Project::of("throw \"a string\";\n");
    check(
        &project,
        &["serve", "--port", "0"],
        2,
        "error: Uncaught: a string\n",
    );
}

#[test]
fn a_cron_expression_that_is_none() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "triggers": { "crons": ["often"] } }"#,
        ),
        ("index.js", "export default {}"),
    ]);
    let (code, _, stderr) = project.run(&["serve", "--port", "0"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.starts_with("error: `often` of triggers.crons is no cron expression"),
        "{stderr}"
    );
}

#[test]
fn a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    check(
        &Project::of("export default { fetch() { return new Response() } }"),
        &["serve", "--port", &port.to_string()],
        1,
        &format!(
            "error: port {port} of 127.0.0.1 is in use by another program\n  \
             hint: stop the other program, or choose another port: --port {}\n",
            port.checked_add(1).unwrap_or(8787)
        ),
    );
}

#[test]
fn two_workers_of_one_name() {
    let worker = r#"{ "name": "same", "main": "index.js", "compatibility_date": "2026-06-11" }"#;
    let project = Project::new(&[
        ("a/wrangler.json", worker),
        ("b/wrangler.json", worker),
        ("a/index.js", "export default {}"),
        ("b/index.js", "export default {}"),
    ]);
    check(
        &project,
        &["serve", "-c", "a/wrangler.json", "-c", "b/wrangler.json"],
        2,
        "error: two workers are named same\n  hint: change `name` in FOLDER/a/wrangler.json or in FOLDER/b/wrangler.json\n",
    );
}

#[test]
fn a_project_on_top_of_another() {
    let project = Project::new(&[("taken/file", "")]);
    check(
        &project,
        &["new", "taken"],
        2,
        "error: taken is there already, and is not an empty folder\n  hint: choose another name\n",
    );
}
