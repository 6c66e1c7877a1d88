//! `atoll new`: a small project that runs at once.

use std::fs;
use std::path::Path;

use crate::arguments::{New, Template};
use crate::error::Error;
use crate::terminal;

/// What stands for the worker's name in the files of a template.
const NAME: &str = "{{name}}";

const HELLO: &[(&str, &str)] = &[
    (
        "wrangler.jsonc",
        include_str!("../../templates/hello/wrangler.jsonc"),
    ),
    (
        "package.json",
        include_str!("../../templates/hello/package.json"),
    ),
    (
        "tsconfig.json",
        include_str!("../../templates/hello/tsconfig.json"),
    ),
    (".gitignore", include_str!("../../templates/gitignore")),
    (
        "src/index.ts",
        include_str!("../../templates/hello/index.ts"),
    ),
];

const HONO: &[(&str, &str)] = &[
    (
        "wrangler.jsonc",
        include_str!("../../templates/hono/wrangler.jsonc"),
    ),
    (
        "package.json",
        include_str!("../../templates/hono/package.json"),
    ),
    (
        "tsconfig.json",
        include_str!("../../templates/hono/tsconfig.json"),
    ),
    (".gitignore", include_str!("../../templates/gitignore")),
    (
        "src/index.tsx",
        include_str!("../../templates/hono/index.tsx"),
    ),
];

const AGENT: &[(&str, &str)] = &[
    (
        "wrangler.jsonc",
        include_str!("../../templates/agent/wrangler.jsonc"),
    ),
    (
        "atoll.jsonc",
        include_str!("../../templates/agent/atoll.jsonc"),
    ),
    (
        "package.json",
        include_str!("../../templates/agent/package.json"),
    ),
    (
        "tsconfig.json",
        include_str!("../../templates/agent/tsconfig.json"),
    ),
    (
        "src/server.ts",
        include_str!("../../templates/agent/server.ts"),
    ),
    (
        "src/notes.ts",
        include_str!("../../templates/agent/notes.ts"),
    ),
    (
        "src/client.ts",
        include_str!("../../templates/agent/client.ts"),
    ),
    (
        "public/index.html",
        include_str!("../../templates/agent/index.html"),
    ),
    (".gitignore", include_str!("../../templates/gitignore")),
];

pub(crate) fn run(arguments: &New) -> Result<(), Error> {
    let folder = &arguments.name;
    let name = worker_name(folder)?;
    refuse_what_is_there(folder)?;
    let files = match arguments.template {
        Template::Hello => HELLO,
        Template::Hono => HONO,
        Template::Agent => AGENT,
    };
    for (path, content) in files {
        let path = folder.join(path);
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, content.replace(NAME, &name)));
        written.map_err(|error| Error::Failed {
            error: anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
            hint: Some("choose a folder that you may write to".to_owned()),
        })?;
    }
    terminal::line(format_args!("{} is ready. Go on with:\n", folder.display()));
    if folder != Path::new(".") {
        terminal::line(format_args!("  cd {}", typed(folder)));
    }
    terminal::line(format_args!("  atoll dev\n"));
    Ok(())
}

/// A folder as a shell takes it.
fn typed(folder: &Path) -> String {
    let text = folder.display().to_string();
    let text = match text.starts_with('-') {
        true => format!("./{text}"),
        false => text,
    };
    let is_plain = |sign: char| sign.is_alphanumeric() || "-_./~+@%:,".contains(sign);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The last part of the path, in the signs that a worker's name can have.
fn worker_name(folder: &Path) -> Result<String, Error> {
    let absolute = std::path::absolute(folder)
        .map_err(|error| Error::failed("cannot tell the current folder", error))?;
    let name = absolute
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let name: String = name
        .chars()
        .map(|sign| match sign.to_ascii_lowercase() {
            sign @ ('a'..='z' | '0'..='9' | '-') => sign,
            _ => '-',
        })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        return Err(Error::mistake(
            format_args!("{} gives no name for a worker", folder.display()),
            "a name has letters, digits and dashes: atoll new my-worker",
        ));
    }
    Ok(name.to_owned())
}

fn refuse_what_is_there(folder: &Path) -> Result<(), Error> {
    let taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(_) => true,
    };
    if taken {
        return Err(Error::mistake(
            format_args!(
                "{} is there already, and is not an empty folder",
                folder.display()
            ),
            "choose another name",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_as_it_is_typed() {
        for (folder, told) in [
            ("my-worker", "my-worker"),
            ("../a/b", "../a/b"),
            ("My App", "'My App'"),
            ("it's", "'it'\\''s'"),
            ("-x", "./-x"),
        ] {
            assert_eq!(typed(Path::new(folder)), told);
        }
    }
}
