//! Registries whose certificates are not accepted: what is told, and what helps.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::authority::{Authority, LATER};
use crate::support::Project;

/// A project that wants a package of a registry at this port.
fn project(port: u16, npmrc: &str) -> Project {
    let project = Project::of("export default {};");
    let registry = format!("registry=https://localhost:{port}/\n{npmrc}");
    project.write(".npmrc", &registry);
    project.write("package.json", r#"{ "dependencies": { "a": "1" } }"#);
    project
}

/// What an installation says, with these variables.
fn install(project: &Project, variables: &[(&str, &Path)]) -> String {
    let mut command = project.command(&["install"]);
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env_remove("NODE_EXTRA_CA_CERTS")
        .env("npm_config_globalconfig", project.path().join("none"))
        .envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(!output.status.success(), "no registry is there");
    project.mask(&String::from_utf8(output.stderr).unwrap())
}

fn assert_said(said: &str, reason: &str, hint: &str) {
    let reason = format!("client error (Connect): {reason}\n");
    assert!(said.contains(&reason), "{said}\nlacks {reason}");
    let hint = format!("  hint: {hint}\n");
    assert!(said.ends_with(&hint), "{said}\nlacks {hint}");
}

#[test]
fn an_authority_that_is_not_trusted_can_be_named() {
    let authority = Authority::new();
    let port = authority.serve("localhost", LATER);
    let plain = project(port, "");
    let file = plain.path().join("authority.pem");
    authority.write(&file);
    let unknown = "its certificate comes from an authority that is not trusted here";
    let add = "name a file with that authority's certificate: NODE_EXTRA_CA_CERTS=FILE adds it, `cafile=FILE` in .npmrc trusts no other";
    assert_said(&install(&plain, &[]), unknown, add);
    let absent = plain.path().join("absent.pem");
    let said = install(&plain, &[("NODE_EXTRA_CA_CERTS", &absent)]);
    let and = ", and NODE_EXTRA_CA_CERTS names a file that cannot be read: FOLDER/absent.pem";
    let other = "name a file of PEM that this user may read";
    assert_said(&said, &format!("{unknown}{and}"), other);
    // What answers there is no registry, which is told once it is trusted.
    let trusted = "what the registry says about a cannot be used";
    let said = install(&plain, &[("NODE_EXTRA_CA_CERTS", &file)]);
    assert!(said.contains(trusted), "{said}");
    let named = project(port, &format!("cafile={}", file.display()));
    let said = install(&named, &[]);
    assert!(said.contains(trusted), "{said}");
    let anybody = project(port, "strict-ssl=false");
    let said = install(&anybody, &[]);
    assert!(said.contains(trusted), "{said}");

    let stranger = project(port, "cafile=stranger.pem");
    Authority::new().write(&stranger.path().join("stranger.pem"));
    assert_said(
        &install(&stranger, &[]),
        "its certificate comes from none of the authorities in `cafile` or `ca`, and no others are trusted then",
        "add the authority's certificate to them; NODE_EXTRA_CA_CERTS=FILE is for one that counts beside the usual ones",
    );
    let lost = project(port, "cafile=lost.pem");
    let said = install(&lost, &[]);
    let names = "FOLDER/.npmrc: `cafile` names FOLDER/lost.pem, which cannot be read: ";
    assert!(said.contains(names), "{said}");
}

#[test]
fn other_certificates_and_none_say_what_to_look_at() {
    let authority = Authority::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    authority.write(file.path());
    let cafile = format!("cafile={}", file.path().display());
    let old = project(authority.serve("localhost", "200101000000Z"), &cafile);
    assert_said(
        &install(&old, &[]),
        "its certificate has expired",
        "see the clock of this machine; if it is right, only who runs the registry can mend this",
    );
    let other = project(authority.serve("other.test", LATER), &cafile);
    assert_said(
        &install(&other, &[]),
        "its certificate is not valid: it is for another name than localhost",
        "see `registry` in .npmrc; `strict-ssl=false` there goes on without looking at certificates, and trusts anybody",
    );
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    let plain = project(port, "");
    assert_said(
        &install(&plain, &[]),
        "what answers there does not speak TLS",
        "see `registry`, `proxy` and `https-proxy` in .npmrc and the environment: perhaps it is http://, not https://",
    );
}
