//! Which file answers a path.

use std::path::PathBuf;

use super::tree::Tree;
use super::{HtmlHandling, NotFoundHandling};

/// What answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A file of this name with its own status: 200, or 404 for a not-found page.
    File {
        path: String,
        real: PathBuf,
        not_found: bool,
    },
    /// Another path is the right one for what is meant.
    Redirect(String),
    /// No file.
    Nothing,
}

/// Finds what answers a decoded path.
///
/// Every `.html` file has one canonical path, which depends on `html_handling`. A path under which a file could be
/// meant leads to the canonical one, unless that would show another file.
pub(super) fn resolve(
    tree: &Tree,
    path: &str,
    html: HtmlHandling,
    not_found: NotFoundHandling,
) -> Resolved {
    let file = |path: &str, real: PathBuf| Resolved::File {
        path: path.to_owned(),
        real,
        not_found: false,
    };
    let exact = tree.find(path);
    let is_page = html != HtmlHandling::None && (path.ends_with(".html") || path.ends_with('/'));
    if let Some(real) = exact.clone().filter(|_| !is_page) {
        return file(path, real);
    }
    if html != HtmlHandling::None {
        for candidate in candidates(path, html) {
            let Some(real) = tree.find(&candidate) else {
                continue;
            };
            let canonical = canonical(&candidate, html);
            if canonical == path {
                return file(&candidate, real);
            }
            if shown_at(tree, &canonical, html).is_some_and(|shown| shown == candidate) {
                return Resolved::Redirect(canonical);
            }
            if candidate == path {
                return file(path, real);
            }
        }
    }
    match exact {
        Some(real) => file(path, real),
        None => missing(tree, path, not_found),
    }
}

/// The `.html` files that a path can mean, the likelier first.
fn candidates(path: &str, html: HtmlHandling) -> [String; 2] {
    let folder = path
        .strip_suffix("/index")
        .or_else(|| path.strip_suffix("/index.html"))
        .or_else(|| path.strip_suffix('/'));
    let stem = folder
        .or_else(|| path.strip_suffix(".html"))
        .unwrap_or(path);
    let (index, page) = (format!("{stem}/index.html"), format!("{stem}.html"));
    // Without a slash at the end a page stands before a folder's index, and it is the other way round with one.
    let asked_for_index = path.ends_with("/index.html");
    let index_first = match html {
        HtmlHandling::DropTrailingSlash => asked_for_index || stem.is_empty(),
        _ => folder.is_some(),
    };
    if index_first {
        [index, page]
    } else {
        [page, index]
    }
}

fn canonical(file: &str, html: HtmlHandling) -> String {
    let index = file.strip_suffix("/index.html");
    let stem = index.or_else(|| file.strip_suffix(".html")).unwrap_or(file);
    let slash = match html {
        HtmlHandling::ForceTrailingSlash => true,
        HtmlHandling::DropTrailingSlash | HtmlHandling::None => stem.is_empty(),
        HtmlHandling::AutoTrailingSlash => index.is_some(),
    };
    format!("{stem}{}", if slash { "/" } else { "" })
}

/// The file that a canonical path shows without any redirect.
fn shown_at(tree: &Tree, path: &str, html: HtmlHandling) -> Option<String> {
    if !path.ends_with('/') && tree.find(path).is_some() {
        return Some(path.to_owned());
    }
    candidates(path, html)
        .into_iter()
        .find(|candidate| canonical(candidate, html) == path && tree.find(candidate).is_some())
}

fn missing(tree: &Tree, path: &str, not_found: NotFoundHandling) -> Resolved {
    let page = |path: String, not_found| {
        tree.find(&path).map(|real| Resolved::File {
            path,
            real,
            not_found,
        })
    };
    let found = match not_found {
        NotFoundHandling::None => None,
        NotFoundHandling::SinglePageApplication => page("/index.html".to_owned(), false),
        NotFoundHandling::NotFoundPage => path
            .match_indices('/')
            .rev()
            .find_map(|(at, _)| page(format!("{}/404.html", &path[..at]), true)),
    };
    found.unwrap_or(Resolved::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each path leads to: a file, `→ path` or nothing.
    fn check(files: &[&str], html: HtmlHandling, expected: &[(&str, &str)]) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        for fresh in [true, false] {
            let tree = Tree::open(folder.path(), fresh).unwrap();
            for (path, wanted) in expected {
                let got = match resolve(&tree, path, html, NotFoundHandling::None) {
                    Resolved::File { path, .. } => path,
                    Resolved::Redirect(to) => format!("→ {to}"),
                    Resolved::Nothing => "nothing".to_owned(),
                };
                assert_eq!(got, *wanted, "{path} with {html:?}, fresh: {fresh}");
            }
        }
    }

    const FILES: [&str; 6] = [
        "index.html",
        "page.html",
        "folder/index.html",
        "both.html",
        "both/index.html",
        "plain.txt",
    ];

    #[test]
    fn auto_trailing_slash() {
        check(
            &FILES,
            HtmlHandling::AutoTrailingSlash,
            &[
                ("/", "/index.html"),
                ("/index", "→ /"),
                ("/index.html", "→ /"),
                ("/page", "/page.html"),
                ("/page/", "→ /page"),
                ("/page.html", "→ /page"),
                ("/page/index", "→ /page"),
                ("/folder", "→ /folder/"),
                ("/folder/", "/folder/index.html"),
                ("/folder/index", "→ /folder/"),
                ("/folder/index.html", "→ /folder/"),
                ("/folder.html", "→ /folder/"),
                ("/both", "/both.html"),
                ("/both/", "/both/index.html"),
                ("/both.html", "→ /both"),
                ("/both/index.html", "→ /both/"),
                ("/plain.txt", "/plain.txt"),
                ("/none", "nothing"),
            ],
        );
    }

    #[test]
    fn force_trailing_slash() {
        check(
            &FILES,
            HtmlHandling::ForceTrailingSlash,
            &[
                ("/", "/index.html"),
                ("/page", "→ /page/"),
                ("/page/", "/page.html"),
                ("/page.html", "→ /page/"),
                ("/folder", "→ /folder/"),
                ("/folder/index.html", "→ /folder/"),
                ("/both", "→ /both/"),
                ("/both/", "/both/index.html"),
                ("/both.html", "/both.html"),
                ("/plain.txt", "/plain.txt"),
            ],
        );
    }

    #[test]
    fn drop_trailing_slash() {
        check(
            &FILES,
            HtmlHandling::DropTrailingSlash,
            &[
                ("/", "/index.html"),
                ("/index.html", "→ /"),
                ("/page", "/page.html"),
                ("/page/", "→ /page"),
                ("/folder", "/folder/index.html"),
                ("/folder/", "→ /folder"),
                ("/folder/index.html", "→ /folder"),
                ("/both", "/both.html"),
                ("/both/", "→ /both"),
                ("/both/index.html", "/both/index.html"),
            ],
        );
    }

    #[test]
    fn no_html_handling() {
        check(
            &FILES,
            HtmlHandling::None,
            &[
                ("/", "nothing"),
                ("/page", "nothing"),
                ("/page.html", "/page.html"),
                ("/folder/index.html", "/folder/index.html"),
            ],
        );
    }
}
