//! What the bindings `kv_namespaces` and `r2_buckets` lead to.
//!
//! A worker of Atoll's own answers them: one Durable Object for each namespace and each bucket, so that what is stored is
//! durable, recovered and brought back to earlier states like every object. It runs jailed like all workers, and apart from
//! those that use it: who holds a binding can ask one object, and nothing else. Values that are large lie in files of the
//! host ([`Blobs`](blobs::Blobs)), which only that worker can name.
//!
//! Nothing here knows of configurations, and nothing here runs outside of the jail but the files.

mod blobs;
mod digests;
pub mod mail;
mod program;

use std::path::Path;
use std::sync::Arc;

use host::{DeployError, Fetcher, Runtime};

/// The name of the worker. It has a character that no configuration can give a name.
pub const WORKER: &str = "atoll:services";

/// Why there are no services.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Their worker does not run.
    #[error("the worker that keeps what bindings store does not start")]
    Deploy(#[from] DeployError),
    /// Stored values cannot be reached.
    #[error("cannot open the folder of stored values")]
    Folder(#[from] std::io::Error),
    /// There is no storage.
    #[error("cannot reach what bindings store")]
    Storage(#[from] host::Error),
}

/// The services of one host.
#[derive(Clone, Debug)]
pub struct Services(Runtime);

impl Services {
    /// Starts their worker, unless it runs. `folder` is the one where objects keep their state.
    ///
    /// # Errors
    /// When it does not start, or the folder cannot be used.
    pub async fn start(runtime: &Runtime, folder: &Path) -> Result<Self, Error> {
        if runtime.worker(WORKER).is_none() {
            let blobs = blobs::Blobs::open(folder.join(blobs::FOLDER))?;
            runtime.deploy(program::deployment(blobs)).await?;
        }
        Ok(Self(runtime.clone()))
    }

    /// What a binding to the bucket of this name asks.
    ///
    /// # Errors
    /// When storage does not work.
    pub fn bucket(&self, name: &str) -> Result<Arc<dyn Fetcher>, Error> {
        Ok(self.0.object(WORKER, "Bucket", name)?)
    }

    /// What a binding to the key-value namespace of this name asks.
    ///
    /// # Errors
    /// When storage does not work.
    pub fn key_values(&self, name: &str) -> Result<Arc<dyn Fetcher>, Error> {
        Ok(self.0.object(WORKER, "KeyValues", name)?)
    }
}
