//! What this machine is, in the words of package manifests.

use crate::manifest::Manifest;

/// What packages have to be for.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    os: &'static str,
    cpu: &'static str,
    libc: Option<&'static str>,
}

impl Platform {
    /// This machine.
    pub(crate) fn here() -> Self {
        Self {
            os: match std::env::consts::OS {
                "macos" => "darwin",
                "windows" => "win32",
                other => other,
            },
            cpu: match std::env::consts::ARCH {
                "x86_64" => "x64",
                "aarch64" => "arm64",
                "x86" => "ia32",
                other => other,
            },
            libc: (std::env::consts::OS == "linux").then(libc),
        }
    }

    /// Whether a package is for this machine.
    pub(crate) fn fits(&self, manifest: &Manifest) -> bool {
        allows(&manifest.os, Some(self.os))
            && allows(&manifest.cpu, Some(self.cpu))
            && allows(&manifest.libc, self.libc)
    }

    pub(crate) fn describe(&self) -> String {
        let libc = self.libc.map(|libc| format!(" {libc}")).unwrap_or_default();
        format!("{} {}{libc}", self.os, self.cpu)
    }
}

/// What a package is for.
pub(crate) fn wanted(manifest: &Manifest) -> String {
    [&manifest.os, &manifest.cpu, &manifest.libc]
        .iter()
        .filter(|list| !list.is_empty())
        .map(|list| list.join(" or "))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A list names what it is for, or with `!` what it is not for.
fn allows(list: &[String], here: Option<&str>) -> bool {
    let Some(here) = here else {
        return list.is_empty();
    };
    if list.is_empty() || list.iter().any(|entry| entry == "any") {
        return true;
    }
    if list
        .iter()
        .any(|entry| entry.strip_prefix('!') == Some(here))
    {
        return false;
    }
    list.iter().all(|entry| entry.starts_with('!')) || list.iter().any(|entry| entry == here)
}

/// The C library of the machine, which need not be that of this program.
fn libc() -> &'static str {
    let musl = ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"];
    let glibc = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let there = |files: &[&str]| files.iter().any(|file| std::path::Path::new(file).exists());
    if there(&musl) && !there(&glibc) {
        "musl"
    } else {
        "glibc"
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_say_what_a_package_is_for() {
        let allows = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
            super::allows(&list, Some("linux"))
        };
        assert!(
            allows(&[]) && allows(&["any"]) && allows(&["linux", "darwin"]) && allows(&["!win32"])
        );
        assert!(!allows(&["darwin"]) && !allows(&["!linux"]) && !allows(&["!linux", "linux"]));
        assert!(!super::allows(&["glibc".to_owned()], None));
    }
}
