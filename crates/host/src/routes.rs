//! Which isolate the requests of a path had better go to: the one where the object lives that the last of them called.
//! A call inside an isolate costs a fraction of one between two.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Paths that are remembered, at most; a later one takes the place of an earlier one.
const SLOTS: usize = 1024;

/// A path, as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(u64);

/// What is remembered of a worker's paths.
pub(crate) struct Routes {
    hasher: RandomState,
    /// Half of the path's hash, and the number of a process.
    slots: Box<[AtomicU64]>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn of(&self, path: &str) -> Route {
        Route(self.hasher.hash_one(path))
    }

    /// The process to which requests of this path had better go.
    pub(crate) fn find(&self, route: Route) -> Option<u32> {
        let known = self.slot(route).load(Ordering::Relaxed);
        let (tag, process) = ((known >> 32) as u32, known as u32);
        (process != 0 && tag == route.tag()).then_some(process)
    }

    pub(crate) fn learn(&self, route: Route, process: u32) {
        let known = u64::from(route.tag()) << 32 | u64::from(process);
        self.slot(route).store(known, Ordering::Relaxed);
    }

    fn slot(&self, route: Route) -> &AtomicU64 {
        &self.slots[route.0 as usize % SLOTS]
    }
}

impl Route {
    fn tag(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Routes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_process_of_a_path_is_found_and_of_no_other() {
        let routes = Routes::new();
        let room = routes.of("/rooms/1");
        assert_eq!(routes.find(room), None);
        routes.learn(room, 7);
        routes.learn(room, 8);
        assert_eq!(routes.find(room), Some(8));
        let others = (0..1000).map(|number| routes.of(&format!("/others/{number}")));
        assert!(others.into_iter().all(|other| routes.find(other).is_none()));
    }
}
