//! What is to be built, as it arrives.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::files::Part;
use super::reply::Failure;

/// What is asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    /// Modules for the loader.
    Worker,
    /// The same, and scripts for browsers.
    App,
}

/// As in `CreateWorkerOptions` and `CreateAppOptions` of the npm package.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Options {
    /// `server` of an app.
    pub(super) entry_point: Option<String>,
    pub(super) client: Vec<String>,
    pub(super) bundle: Option<bool>,
    pub(super) externals: Vec<String>,
    pub(super) target: Option<String>,
    pub(super) minify: bool,
    pub(super) sourcemap: bool,
    pub(super) jsx: Option<String>,
    pub(super) jsx_import_source: Option<String>,
    pub(super) define: Option<BTreeMap<String, String>>,
    pub(super) loader: Option<BTreeMap<String, String>>,
    pub(super) conditions: Option<Vec<String>>,
    pub(super) virtual_modules: Option<BTreeMap<String, String>>,
    /// esbuild's own plugins, which there is nothing for.
    pub(super) has_plugins: bool,
}

#[derive(Deserialize)]
struct Header {
    action: Action,
    files: Vec<(String, usize)>,
    #[serde(default)]
    options: Options,
}

#[derive(Deserialize)]
struct PackagesHeader {
    files: Vec<(String, usize)>,
}

/// A request whose lengths add up.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: Action,
    pub(super) options: Options,
    pub(super) files: Part,
}

impl Request {
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, Failure> {
        let (header, start) = split(&bytes)?;
        let header: Header = serde_json::from_slice(header)
            .map_err(|error| Failure::new(format!("The build's options are wrong: {error}")))?;
        Ok(Self {
            action: header.action,
            options: header.options,
            files: Part::new(bytes, start, header.files)?,
        })
    }
}

/// Files of packages that the host found for the build; nothing at all when there are none.
pub(super) fn read_packages(bytes: Vec<u8>) -> Result<Part, Failure> {
    if bytes.is_empty() {
        return Part::new(bytes, 0, Vec::new());
    }
    let (header, start) = split(&bytes)?;
    let header: PackagesHeader = serde_json::from_slice(header)
        .map_err(|error| Failure::new(format!("The packages cannot be read: {error}")))?;
    Part::new(bytes, start, header.files)
}

/// The JSON, and where what follows it starts.
fn split(bytes: &[u8]) -> Result<(&[u8], usize), Failure> {
    let wrong = || Failure::new("The build request is not whole.");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(wrong)?;
    let length = u32::from_le_bytes(*length) as usize;
    let header = rest.get(..length).ok_or_else(wrong)?;
    Ok((header, 4 + length))
}

/// A request or a reply of this header and these contents.
pub(super) fn encode(header: &str, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(4 + header.len() + contents.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(contents);
    bytes
}
