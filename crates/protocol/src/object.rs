//! What the messages say about Durable Objects and their storage.

use serde::{Deserialize, Serialize};

use crate::message::{ObjectId, ObjectNumber, Request, SocketId};
use crate::rpc::{Given, Invocation, Parcel, Passed};

/// An object that comes to live in an isolate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening<'a> {
    /// Frames name it.
    pub object: ObjectNumber,
    /// The exported class.
    pub class: &'a str,
    /// `ctx.id`.
    pub id: ObjectId,
    /// `ctx.id.name`, for an id made from a name.
    pub name: Option<&'a str>,
    /// `ctx.id` of a facet whose id is a string: it stands for the id.
    pub text_id: Option<&'a str>,
    /// What its `ctx.props` are.
    #[serde(borrow)]
    pub props: Option<Parcel<'a, Given>>,
    /// How many objects it is a facet of, one inside the other.
    pub depth: u8,
    /// Pages of its database.
    pub page_count: u32,
    /// The most pages that its database may have.
    pub max_pages: u32,
    /// It is a copy to look at: what would change it throws.
    pub read_only: bool,
    /// A descriptor of the database's file comes with this frame. Without one every page is zero.
    pub file: bool,
    /// Its alarm, in milliseconds since 1970.
    pub alarm: Option<f64>,
}

/// A WebSocket that the host keeps for an object, whether the object is awake or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptSocket<'a> {
    /// Its number among those of its object, across all instances.
    pub number: SocketId,
    /// The tags that it was accepted with.
    #[serde(borrow)]
    pub tags: Vec<&'a str>,
    /// What the object has attached to it.
    #[serde(with = "serde_bytes")]
    pub attachment: Option<&'a [u8]>,
    /// When it was last answered without the object, in milliseconds since 1970.
    pub answered_ms: Option<f64>,
    /// The object has closed its side.
    pub closed: bool,
}

/// The changes that one turn made to an object's storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit<'a> {
    /// The object.
    pub object: ObjectNumber,
    /// Counts from 1 since the object was opened; parts of one commit share it.
    pub number: u64,
    /// Pages of its database from now on.
    pub page_count: u32,
    /// As [`pages`](crate::pages) has them.
    #[serde(with = "serde_bytes")]
    pub changes: &'a [u8],
    /// What becomes of its alarm, when that changes.
    pub alarm: Option<AlarmChange>,
    /// The same commit goes on in the next frame.
    pub more: bool,
}

/// What becomes of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum AlarmChange {
    /// It goes off at this time, in milliseconds since 1970.
    Set(f64),
    /// There is none.
    Delete,
}

/// What an object can ask of its own storage, beyond the pages that it reads by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StorageCall<'a> {
    /// The bookmark of now. Answered by [`Reply::Text`](crate::Reply::Text).
    Bookmark,
    /// The bookmark of a time, in milliseconds since 1970. Answered by [`Reply::Text`](crate::Reply::Text).
    BookmarkForTime(f64),
    /// The next instance starts from this bookmark. Answered by [`Reply::Text`](crate::Reply::Text): the bookmark that
    /// takes it back.
    RestoreOnNextSession(&'a str),
}

/// What can be done with a stub of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ObjectCall<'a> {
    /// `stub.fetch()`. Answered by [`Reply::Response`].
    Fetch(#[serde(borrow)] Request<'a>),
    /// `stub.method()`. Answered by [`Reply::Returned`] or [`Reply::Thrown`].
    Rpc(#[serde(borrow)] Invocation<'a, Passed>),
}
