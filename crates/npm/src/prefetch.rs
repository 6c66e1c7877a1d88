//! Asks for what is going to be needed while something else is decided.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::allow::Allow;
use crate::registry::Registry;
use crate::spec::Spec;

/// Asks ahead for packages and for all that they need. It stops when it is dropped.
pub(crate) struct Prefetch {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    allow: Allow,
    most: usize,
    /// Versions that were looked at.
    seen: Mutex<HashSet<String>>,
    stopped: AtomicBool,
}

impl Prefetch {
    pub(crate) fn new(registry: Arc<Registry>, allow: Allow, most: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                registry,
                allow,
                most,
                seen: Mutex::default(),
                stopped: AtomicBool::new(false),
            }),
        }
    }

    pub(crate) fn start(&self, package: &str, wanted: &Spec) {
        self.inner.clone().spawn(package.to_owned(), wanted.clone());
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    fn spawn(self: Arc<Self>, package: String, wanted: Spec) {
        if self.allow.permits(&package) {
            tokio::spawn(self.look(package, wanted));
        }
    }

    // The type is written out, since it contains itself.
    fn look(
        self: Arc<Self>,
        package: String,
        wanted: Spec,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            // Who really needs it hears of errors.
            let Ok(packument) = self.registry.packument(&package).await else {
                return;
            };
            let Ok(Some(manifest)) = packument.pick(&wanted) else {
                return;
            };
            {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                if seen.len() >= self.most || !seen.insert(manifest.id()) {
                    return;
                }
            }
            let peers = manifest
                .peer_dependencies
                .iter()
                .filter(|(name, _)| !manifest.optional_peers.contains(*name));
            let needed = manifest
                .dependencies
                .iter()
                .chain(&manifest.optional_dependencies)
                .chain(peers);
            for (name, written) in needed {
                let spec = Spec::parse(written);
                if let Some(package) = spec.package(name) {
                    self.clone()
                        .spawn(package.to_owned(), spec.wanted().clone());
                }
            }
        })
    }
}
