//! What is kept in memory of an object that runs, or whose file lags behind the log.

use crate::bookmark::Moment;

/// A running object, or one with transactions that its file does not have yet.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Which instance may commit; a new one at each opening.
    pub(crate) epoch: u64,
    pub(crate) open: bool,
    /// The instance has a descriptor of the file.
    pub(crate) has_descriptor: bool,
    /// The number of the last complete commit of this instance.
    pub(crate) number: u64,
    pub(crate) unfinished: Option<Transaction>,
    /// Complete transactions that the file lacks.
    pub(crate) pending: Vec<Transaction>,
    pub(crate) pending_bytes: usize,
    /// When the last of them came, in milliseconds since 1970.
    pub(crate) touched_ms: u64,
    /// Recovery has to begin here or earlier for the sake of this object.
    pub(crate) pin: Option<u64>,
    /// A checkpoint of it is under way.
    pub(crate) flushing: bool,
    /// Something other than a checkpoint needs the object as it is: nobody may open it or write its file.
    pub(crate) held: bool,
    /// The file is between two states, because a checkpoint did not end.
    pub(crate) mixed: bool,
}

impl Live {
    /// Nothing is left that would have to stay in memory.
    pub(crate) fn is_idle(&self) -> bool {
        !self.open
            && !self.flushing
            && !self.held
            && !self.mixed
            && self.pending.is_empty()
            && self.unfinished.is_none()
    }

    /// Where the first transaction starts that the file lacks.
    pub(crate) fn first(&self) -> Option<u64> {
        let pending = self.pending.first().or(self.unfinished.as_ref());
        pending.map(|transaction| transaction.first.position)
    }
}

/// A transaction, or as much as there is of it.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    /// Where its first record starts.
    pub(crate) first: Moment,
    /// Where its last record ends.
    pub(crate) last: Moment,
    pub(crate) page_count: u32,
    pub(crate) parts: Vec<Part>,
    /// Bytes of all parts.
    pub(crate) bytes: usize,
}

/// Page changes of one record.
#[derive(Debug)]
pub(crate) enum Part {
    Memory(Vec<u8>),
    /// To be read from the log, where a record starts at this position.
    Log(u64),
}
