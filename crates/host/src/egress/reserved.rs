//! Ports of this machine that are for the host alone: programs listen there that do what anybody tells them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};

static RESERVED: RwLock<BTreeSet<u16>> = RwLock::new(BTreeSet::new());

/// A port that no worker's requests reach, as long as this is there.
#[derive(Debug)]
pub(crate) struct ReservedPort(u16);

impl ReservedPort {
    pub(crate) fn new(number: u16) -> Self {
        let mut reserved = RESERVED.write().unwrap_or_else(PoisonError::into_inner);
        reserved.insert(number);
        Self(number)
    }

    pub(crate) fn number(&self) -> u16 {
        self.0
    }
}

impl Drop for ReservedPort {
    fn drop(&mut self) {
        let mut reserved = RESERVED.write().unwrap_or_else(PoisonError::into_inner);
        reserved.remove(&self.0);
    }
}

/// Whether a connection would lead to such a port.
pub(super) fn is_reserved(address: IpAddr, port: u16) -> bool {
    let address = address.to_canonical();
    if !address.is_loopback() && !address.is_unspecified() {
        return false;
    }
    let reserved = RESERVED.read().unwrap_or_else(PoisonError::into_inner);
    reserved.contains(&port)
}
