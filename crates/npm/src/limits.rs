//! How much there may be of everything. What comes from a registry or a lock file is nobody's word.

/// What an installation may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Packages in a tree.
    pub packages: usize,
    /// Files in all packages of a tree.
    pub files: usize,
    /// Bytes in all packages of a tree, unpacked.
    pub bytes: u64,
    /// What one archive may be.
    pub archive: ArchiveLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packages: 20_000,
            files: 4_000_000,
            bytes: 32 << 30,
            archive: ArchiveLimits::default(),
        }
    }
}

/// What one archive may be.
#[derive(Clone, Debug)]
pub struct ArchiveLimits {
    /// Bytes as they are downloaded.
    pub packed_bytes: u64,
    /// Bytes of its files.
    pub unpacked_bytes: u64,
    /// How many times as large as what was downloaded its files may be, once they are above
    /// [`ArchiveLimits::FREE_BYTES`].
    pub ratio: u64,
    /// Files and folders.
    pub files: usize,
    /// Bytes of a path inside it.
    pub path_bytes: usize,
    /// Folders in a path inside it.
    pub path_depth: usize,
}

impl ArchiveLimits {
    /// Archives that unpack to less than this may be as dense as they like.
    pub const FREE_BYTES: u64 = 16 << 20;
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            packed_bytes: 512 << 20,
            unpacked_bytes: 1 << 30,
            ratio: 200,
            files: 100_000,
            path_bytes: 1024,
            path_depth: 64,
        }
    }
}

/// Bytes of what a registry says about one package.
pub(crate) const MAX_PACKUMENT_BYTES: u64 = 128 << 20;
/// Bytes of a package.json.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Bytes of a lock file.
pub(crate) const MAX_LOCK_BYTES: u64 = 64 << 20;
/// How deep packages may be nested in packages.
pub(crate) const MAX_NESTING: usize = 48;
/// Bytes of an answer that is an error.
pub(crate) const MAX_ERROR_BYTES: u64 = 64 << 10;
/// How often an answer may lead elsewhere.
pub(crate) const MAX_REDIRECTS: usize = 5;
/// Requests for what there is of a package, at the same time.
pub(crate) const MAX_PACKUMENT_REQUESTS: usize = 32;
/// Downloads at the same time; each has a thread that unpacks.
pub(crate) const MAX_DOWNLOADS: usize = 16;
