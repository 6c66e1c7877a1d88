//! The folder of one browser, which goes when its session does.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the name of such a folder begins. The process that made it and when that began come next.
const PREFIX: &str = "atoll-browser-";
/// A browser that was killed leaves helpers that write for a moment longer.
const REMOVALS: u32 = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Profile(PathBuf);

impl Profile {
    /// An empty folder that this user alone can look into. It is among the system's temporary ones: a browser has sockets in
    /// it, whose paths must be short, and another user has to get there.
    pub(super) fn make(user: Option<u32>) -> io::Result<Self> {
        let own = std::process::id();
        let began = began(own).unwrap_or_default();
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let random = u32::from_ne_bytes(random);
        let name = format!("{PREFIX}{own}-{began}-{random:08x}");
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let profile = Self(path);
        if let Some(id) = user {
            chown(&profile.0, Some(id), Some(id))?;
        }
        Ok(profile)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it from a thread that may wait.
    pub(super) fn remove(self) {
        for _ in 0..REMOVALS {
            match fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    std::thread::sleep(REMOVAL_PAUSE);
                }
                _ => return,
            }
        }
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // Whatever stays is swept by the next host.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what hosts left behind that were killed.
pub(super) fn sweep() {
    let owner = |path: &Path| Some(fs::symlink_metadata(path).ok()?.uid());
    let own = owner(Path::new("/proc/self"));
    let entries = fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let path = entry.path();
        let is_left = entry.file_name().to_str().is_some_and(is_left);
        // What others made in a folder for all is not ours, whatever its name.
        let by = owner(&path);
        if is_left && (by == own || by.is_some_and(jail::is_companion_user)) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Whether a name is that of a profile whose host runs no more.
fn is_left(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let mut parts = rest.split('-').map(str::parse::<u64>);
    match (parts.next(), parts.next()) {
        (Some(Ok(host)), Some(Ok(at))) => {
            u32::try_from(host).is_ok_and(|host| began(host) != Some(at))
        }
        _ => false,
    }
}

/// When a process began, in ticks since the machine did.
fn began(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_profiles_of_hosts_that_run_no_more_are_left_behind() {
        let own = std::process::id();
        let at = began(own).expect("this process runs");
        assert!(!is_left(&format!("{PREFIX}{own}-{at}-00")));
        assert!(is_left(&format!("{PREFIX}{own}-{}-00", at + 1)));
        assert!(is_left(&format!("{PREFIX}{}-1-00", u32::MAX)));
        assert!(!is_left("atoll-browser-x"));
        assert!(!is_left("something"));
    }
}
