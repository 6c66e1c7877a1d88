//! Whatever is in a package's archive, it is refused, or its files are inside the package, each either a file or a folder.
//!
//! With an even first byte the rest is the archive as a registry sends it. Else it says what entries the archive has, as few
//! inputs would have checksums that are right: of each its kind, how long its name is, its size in two bytes, the name, and
//! as many bytes as that.
//!
//! What unpacks is a part of the crate `npm` that nobody else can name, and is compiled here by itself.
#![no_main]

mod in_memory;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

#[path = "../../crates/npm/src/archive.rs"]
mod archive;
#[allow(dead_code, reason = "the client uses the rest")]
#[path = "../../crates/npm/src/limits.rs"]
mod limits;
#[allow(dead_code, reason = "the client uses the rest")]
#[path = "../../crates/npm/src/pack.rs"]
mod pack;

/// What those say when a disk refuses.
mod error {
    use std::io;
    use std::path::Path;

    #[derive(Debug)]
    pub(crate) struct Error {
        _cause: io::Error,
    }

    impl Error {
        pub(crate) fn io(_action: &'static str, _path: &Path) -> impl Fn(io::Error) -> Self {
            |cause| Self { _cause: cause }
        }
    }
}

const BLOCK_BYTES: usize = 512;

/// Small, so that they are met.
const LIMITS: limits::ArchiveLimits = limits::ArchiveLimits {
    packed_bytes: 1 << 20,
    unpacked_bytes: 16 << 10,
    ratio: 200,
    files: 20,
    path_bytes: 120,
    path_depth: 6,
};

static FOLDER: LazyLock<TempDir> = LazyLock::new(in_memory::folder);

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let packed = match kind & 1 {
        0 => content.to_vec(),
        _ => archive_of(content),
    };
    let path = FOLDER.path().join("package");
    let mut writer = pack::PackWriter::new(File::create(&path).expect("there is room"));
    let unpacked = archive::unpack(&*packed, &|| packed.len() as u64, &LIMITS, &mut writer);
    match unpacked {
        Ok(()) => {}
        Err(archive::Fault::Archive(message)) => return assert!(!message.is_empty()),
        Err(archive::Fault::Disk(error)) => panic!("there is room: {error}"),
    }
    writer.finish().expect("there is room");
    let pack = pack::Pack::open(&path)
        .expect("it can be read")
        .expect("it is whole");
    assert!(!pack.files.is_empty() && pack.files.len() <= LIMITS.files);
    assert!(pack.size() <= LIMITS.unpacked_bytes);
    let names: HashSet<&str> = pack.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names.len(), pack.files.len(), "each name is there once");
    for file in &pack.files {
        assert!(!file.path.contains('\0'));
        for (end, _) in file.path.match_indices('/') {
            assert!(!names.contains(&file.path[..end]), "a file is no folder");
        }
        for part in file.path.split('/') {
            assert!(
                !matches!(part, "" | "." | ".."),
                "{:?} is inside",
                file.path
            );
        }
        let _ = pack.content(file);
    }
});

fn archive_of(mut rest: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    while let [kind, name, high, low, after @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let (name, after) = after.split_at(after.len().min(usize::from(*name)));
        let (content, after) = after.split_at(after.len().min(size));
        rest = after;
        let mut header = tar::Header::new_ustar();
        let shown = name.len().min(header.as_old().name.len());
        header.as_old_mut().name[..shown].copy_from_slice(&name[..shown]);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_mode(0o644);
        header.set_size(size as u64);
        header.set_cksum();
        let padding = vec![0; content.len().next_multiple_of(BLOCK_BYTES) - content.len()];
        for part in [&header.as_bytes()[..], content, &padding] {
            packed.write_all(part).expect("it is memory");
        }
    }
    packed.finish().expect("it is memory")
}
