//! `atoll run`, `atoll secret` and `atoll logs` as they are typed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/authority.rs"]
mod authority;
mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use authority::{Authority, LATER};
use support::Project;

/// Runs a script of this text, and gives exit code, standard output and standard error.
fn run(project: &Project, name: &str, source: &str, more: &[&str]) -> (i32, String, String) {
    project.write(name, source);
    project.run(&[&["run", name], more].concat())
}

#[test]
fn a_script_gives_its_result_as_json() {
    let project = Project::new(&[]);
    let source = "interface Input { a: number }\nexport default async (input: Input) => { console.log('adding', input.a); return { sum: input.a + 1 }; };\n";
    let (code, stdout, stderr) = run(&project, "add.ts", source, &["--input", "{\"a\": 41}"]);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (0, "{\"sum\":42}\n", "adding 41\n")
    );
    let value = run(
        &project,
        "value.js",
        "export default [1, await Promise.resolve('two')];",
        &[],
    );
    assert_eq!(
        (value.0, value.1.as_str()),
        (0, "[1,\"two\"]\n"),
        "{}",
        value.2
    );
    let named = run(
        &project,
        "named.mjs",
        "export function run(input, env) { return [input, Object.keys(env)]; }",
        &[],
    );
    assert_eq!(
        (named.0, named.1.as_str()),
        (0, "[null,[]]\n"),
        "{}",
        named.2
    );
    let half = run(
        &project,
        "half.js",
        r#"export default ["\ud83d!\ud83d", "\ude00\ud83d\ude00", "\\ud83d", "\\\ud83d"];"#,
        &[],
    );
    assert_eq!(
        (half.0, half.1.as_str()),
        (
            0,
            "[\"\u{fffd}!\u{fffd}\",\"\u{fffd}\u{1f600}\",\"\\\\ud83d\",\"\\\\\u{fffd}\"]\n"
        ),
        "{}",
        half.2
    );
    let nothing = run(&project, "nothing.js", "export default () => {};", &[]);
    assert_eq!(
        (nothing.0, nothing.1.as_str()),
        (0, "null\n"),
        "{}",
        nothing.2
    );
}

#[test]
fn the_exit_code_says_whose_fault_it_is() {
    let project = Project::new(&[]);
    let check = |source: &str, more: &[&str], expected: i32, said: &str| {
        let (code, stdout, stderr) = run(&project, "script.ts", source, more);
        assert_eq!(
            (code, stdout.as_str()),
            (expected, ""),
            "{source}: {stderr}"
        );
        assert!(stderr.contains(said), "{source}: {stderr}");
    };
    check(
        "export default () => {\n  throw new RangeError('too far');\n};",
        &[],
        1,
        "error: RangeError: too far\n    at default (script.ts:2:",
    );
    check("export default () => {", &[], 1, "error: SyntaxError: ");
    check(
        "export const a = 1;",
        &[],
        1,
        "The script exports nothing to run",
    );
    check(
        "export default { fetch() {} };",
        &[],
        1,
        "The script is a Worker",
    );
    check(
        "export default () => fetch('http://127.0.0.1/');",
        &[],
        1,
        "not permitted to access the internet",
    );
    check(
        "export default () => new Promise(() => {});",
        &[],
        1,
        "error: the script waits for something that never comes",
    );
    check(
        "export default () => { for (;;) {} };",
        &["--cpu-ms", "50"],
        3,
        "Worker exceeded CPU time limit (50 ms): it used ",
    );
    check(
        "export default () => { const a = []; for (;;) a.push('x'.repeat(1000) + a.length); };",
        &["--memory-mb", "16"],
        3,
        "Worker exceeded memory limit (16 MB): it used ",
    );
    check(
        "export default () => scheduler.wait(60000);",
        &["--wall-ms", "50"],
        3,
        "Worker exceeded wall time limit (50 ms): no answer after ",
    );
    check(
        "export default 1;",
        &["--input", "{"],
        2,
        "error: --input is no JSON",
    );
    check(
        "export default 1;",
        &["--allow", "A=none"],
        2,
        "error: there is no egress policy none\n  hint: name one under `egress`",
    );
    check(
        "export default 1;",
        &["--allow", "A=ftp://a/"],
        2,
        "has an unknown scheme",
    );
    let (code, _, stderr) = project.run(&["run", "absent.ts"]);
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn a_script_reaches_what_it_is_allowed_with_secrets_that_it_does_not_see() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", server.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{BufRead as _, Write as _};
        let (stream, _) = server.accept().unwrap();
        let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let mut stream = stream;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .unwrap();
        head
    });
    let project = Project::new(&[("token.txt", "s3cr3t\n")]);
    project.write(
        "atoll.jsonc",
        &format!("{{ \"egress\": {{ \"api\": {{ \"allow\": [{{ \"url\": \"{origin}/v1/\", \"headers\": {{ \"authorization\": \"Bearer {{{{secret:TOKEN}}}}\" }} }}] }} }} }}"),
    );
    let key = ["--key-file", "key"];
    let (code, _, stderr) = run(
        &project,
        "ask.ts",
        "export default 1;",
        &[&["--allow", "API=api"][..], &key].concat(),
    );
    assert_eq!(code, 2);
    assert_eq!(
        stderr,
        "error: the egress policy api needs the secret TOKEN, which is not set\n  hint: atoll secret put TOKEN\n"
    );
    let (code, stdout, stderr) = project.run(&[
        "secret",
        "put",
        "TOKEN",
        "--file",
        "token.txt",
        "--key-file",
        "key",
    ]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(
        stderr.starts_with("note: secrets are sealed with the new key in key"),
        "{stderr}"
    );
    let listed = project.run(&["secret", "list"]);
    assert!(
        listed.0 == 0 && listed.1.starts_with("TOKEN  2"),
        "{listed:?}"
    );
    let source = format!(
        "export default async (_, env) => {{ const seen = [await (await env.API.fetch('{origin}/v1/a')).text()]; \
         try {{ await env.API.fetch('{origin}/v2'); }} catch (error) {{ seen.push(error.message); }} return seen; }};"
    );
    let (code, stdout, stderr) = run(
        &project,
        "ask.ts",
        &source,
        &[&["--allow", "API=api"][..], &key].concat(),
    );
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        format!(
            "[\"ok\",\"Egress policy \\\"api\\\" refused GET {origin}/v2: no rule allows it.\"]\n"
        )
    );
    let head = answering.join().unwrap().to_ascii_lowercase();
    assert!(head.contains("authorization: bearer s3cr3t\r\n"), "{head}");
    let (code, stdout, stderr) =
        project.run(&["logs", "--audit", "--outcome", "refused", "--json"]);
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{stdout}");
    assert_eq!(lines[0]["target"], format!("GET {origin}/v2"));
    let shown = project.run(&["logs", "--audit"]);
    assert!(
        shown.1.contains("egress api") && shown.1.contains("refused"),
        "{}",
        shown.1
    );
    let wrong = project.run(&["run", "ask.ts", "--allow", "API=api", "--key-file", "none"]);
    assert_eq!(wrong.0, 2);
    assert!(
        wrong
            .2
            .starts_with("error: there is no key at none\n  hint: bring the key file back"),
        "{}",
        wrong.2
    );
    let deleted = project.run(&["secret", "delete", "TOKEN"]);
    assert_eq!(deleted.0, 0, "{}", deleted.2);
    let gone = project.run(&["secret", "delete", "TOKEN"]);
    assert_eq!(
        (gone.0, gone.2.as_str()),
        (
            2,
            "error: there is no secret TOKEN\n  hint: see which there are: atoll secret list\n"
        )
    );
}

#[test]
fn mistakes_in_policies_are_shown_in_place() {
    let project = Project::of("export default {}");
    project.write(
        "atoll.jsonc",
        "{\n  \"egress\": { \"api\": {\n    \"allow\": [{ \"url\": \"api.test/\" }, { \"methods\": [\"TRACE\"], \"url\": \"https://a.test/\" }],\n    \
         \"adresses\": []\n  } },\n  \"bindings\": { \"API\": { \"egress\": \"apy\" } },\n  \"loaders\": { \"LOAD\": {} }\n}\n",
    );
    let (code, _, stderr) = project.run(&["serve"]);
    assert_eq!(code, 2);
    for said in [
        "error: unknown key `egress.api.adresses`",
        "hint: did you mean `egress.api.addresses`?",
        "error: `egress.api.allow[].url`: \"api.test/\" is no absolute URL\n  atoll.jsonc:3:24",
        "hint: it has the form \"https://api.example.com/some/path/\"",
        "error: \"TRACE\" is no method that can be allowed",
        "error: there is no egress policy \"apy\"",
        "hint: did you mean \"api\"?",
        "error: `loaders.LOAD` is no Worker Loader of this worker",
    ] {
        assert!(stderr.contains(said), "{said:?} is not in\n{stderr}");
    }
}

#[test]
fn a_required_secret_is_in_the_env_of_its_worker() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "secrets": { "required": ["API_KEY"] } }"#,
        ),
        (
            "index.js",
            "export default { fetch: (request, env) => new Response(env.API_KEY) };",
        ),
        ("value", "s3cr3t"),
    ]);
    let missing = project.run(&["serve", "--port", "0", "--key-file", "key"]);
    let expected = "error: the secret API_KEY is required and not set\n  hint: atoll secret put API_KEY, or a line in .dev.vars\n";
    assert_eq!((missing.0, missing.2.as_str()), (2, expected));
    assert_eq!(
        project
            .run(&[
                "secret",
                "put",
                "API_KEY",
                "--file",
                "value",
                "--key-file",
                "key"
            ])
            .0,
        0
    );
    let server = project.start(&["serve", "--key-file", "key"], "isolates are held by");
    assert_eq!(server.get("/"), (200, "s3cr3t".to_owned()));
}

#[test]
fn logs_and_uses_can_be_followed() {
    let project = Project::of(
        "const source = `export default { async fetch(request, env) { console.log('inside'); await fetch('http://127.0.0.1:1/x').catch(() => {}); return new Response('ok'); } }`;\n\
         export default { async fetch(request, env) { console.log('outside'); \
         return env.LOADER.get('agent', () => ({ compatibilityDate: '2026-06-11', mainModule: 'a.js', modules: { 'a.js': source }, globalOutbound: env.WEB })).getEntrypoint().fetch(request); } };\n",
    );
    project.write(
        "wrangler.json",
        r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "worker_loaders": [{ "binding": "LOADER" }] }"#,
    );
    project.write(
        "atoll.jsonc",
        r#"{ "egress": { "web": { "allow": [{ "url": "https://example.com/" }] } }, "bindings": { "WEB": { "egress": "web" } }, "loaders": { "LOADER": { "audit": true } } }"#,
    );
    let server = project.start(&["serve"], "isolates are held by");
    let follow = |more: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atoll"))
            .args([&["logs", "--follow"][..], more].concat())
            .current_dir(project.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let (mut all, mut lines) = follow(&[]);
    let (mut refused, mut refusals) = follow(&[
        "--audit",
        "--json",
        "--outcome",
        "refused",
        "--worker",
        "agent",
    ]);
    assert_eq!(server.get("/"), (200, "ok".to_owned()));
    let mut wanted = vec!["outside", "inside", "egress web", "event"];
    while !wanted.is_empty() {
        let line = lines.next().unwrap();
        wanted.retain(|wanted| !line.contains(wanted));
    }
    let line: serde_json::Value = serde_json::from_str(&refusals.next().unwrap()).unwrap();
    assert_eq!(line["target"], "GET http://127.0.0.1:1/x", "{line}");
    for child in [&mut all, &mut refused] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn authorities_that_the_machine_trusts_are_trusted() {
    let project = Project::of("export default {};");
    let authority = Authority::new();
    let file = project.path().join("authority.pem");
    authority.write(&file);
    let folder = project.path().join("authorities");
    std::fs::create_dir(&folder).unwrap();
    authority.write(&folder.join("0a1b2c3d.0"));
    project.write("nobody.pem", "");
    let nobody = project.path().join("nobody.pem");
    project.write(
        "ask.js",
        "export default async (url, env) => (await env.SITE.fetch(url)).text();",
    );
    let ask = |url: &str, variables: &[(&str, &Path)]| {
        let (site, input) = (format!("SITE={url}"), format!("{url:?}"));
        let mut command = project.command(&["run", "ask.js", "--allow", &site, "--input", &input]);
        command
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR")
            .envs(variables.iter().copied());
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let url = format!("https://localhost:{}/", authority.serve("localhost", LATER));
    assert_eq!(ask(&url, &[("SSL_CERT_FILE", &file)]), "\"hello\"\n");
    assert_eq!(ask(&url, &[("SSL_CERT_DIR", &folder)]), "\"hello\"\n");
    // What fails says with whom, and why.
    let fails = |url: &str, file: &Path, reason: &str| {
        let said = ask(url, &[("SSL_CERT_FILE", file)]);
        let expected = format!("TLS handshake with localhost failed: {reason}.");
        assert!(said.contains(&expected), "{said}");
    };
    let unknown = "its certificate comes from an authority that is not trusted here";
    fails(&url, &nobody, unknown);
    let other = format!(
        "https://localhost:{}/",
        authority.serve("other.test", LATER)
    );
    fails(&other, &file, "its certificate is for another name");
    let old = authority.serve("localhost", "200101000000Z");
    let old = format!("https://localhost:{old}/");
    fails(&old, &file, "its certificate has expired");
}
