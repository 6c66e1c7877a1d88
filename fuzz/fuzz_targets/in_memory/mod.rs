//! A folder that is gone with the input that it was made for.

use std::path::Path;

use tempfile::TempDir;

/// Memory, where the system has such a place.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a folder can be made")
}
