//! Structured clone: JavaScript values as bytes, and back.
//!
//! The format is Atoll's own. A value is a tag and what the tag asks for; objects are numbered in the order in which they
//! begin, so that a later [`Tag::Reference`] keeps identity and cycles. Property names are numbered the same way. The
//! encoder follows StructuredSerializeInternal of the HTML standard; the decoder takes its bytes for hostile input.
//!
//! Objects of classes that are written in JavaScript (Blob, Headers, stubs) are carried by [`Tag::Extension`]: a name and
//! the value that the class gave for itself. What JavaScript has to do is reached through the codec object, an array of
//! functions that every call passes in, since a value that Rust kept would outlive its runtime.

mod decode;
mod encode;
mod engine;
mod names;
mod reader;

pub(crate) use decode::decode;
pub(crate) use encode::{address, encode};
pub(crate) use engine::{Engine, Kind, Owned, classes, kind_of, learn_classes};
pub(crate) use names::{FastMap, Names};

/// First byte of every message; the second is the version.
const MAGIC: u8 = 0xa7;
const VERSION: u8 = 1;

/// Objects inside objects; V8 gives up near this depth too.
const MAX_DEPTH: usize = 20_000;
/// Bytes that one resizable buffer may ask to grow to.
const MAX_RESIZABLE_BYTES: u64 = 1 << 30;
/// Bytes of one message.
const MAX_MESSAGE_BYTES: usize = 1 << 30;

/// What an object's list of properties says before each name: the end, a new name, or (from `KEY_KNOWN` on) an old one.
const KEY_END: u64 = 0;
const KEY_NEW: u64 = 1;
const KEY_KNOWN: u64 = 2;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal),+ $(,)?) => {
        /// What follows in the bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        enum Tag { $($(#[$doc])* $name = $value),+ }

        impl Tag {
            fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

tags! {
    Undefined = 0,
    Null = 1,
    False = 2,
    True = 3,
    /// Zigzag varint.
    Integer = 4,
    /// 8 bytes, little-endian.
    Number = 5,
    /// Zigzag varint.
    SmallBigInt = 6,
    /// Sign byte, then hexadecimal digits as a string.
    BigInt = 7,
    /// Length in bytes, UTF-8.
    Utf8 = 8,
    /// Length in code units, little-endian; lone surrogates need it.
    Utf16 = 9,
    /// Number of an earlier object.
    Reference = 10,
    /// Properties.
    Object = 11,
    /// Length, that many values or holes, properties.
    Array = 12,
    /// Length, properties (indices among them).
    SparseArray = 13,
    /// In place of an element that does not exist.
    Hole = 14,
    /// 8 bytes: milliseconds.
    Date = 15,
    /// Source and flags, both string values.
    RegExp = 16,
    /// Number of entries, then key and value of each.
    Map = 17,
    /// Number of values, then each.
    Set = 18,
    /// A primitive, to be wrapped.
    Boxed = 19,
    /// Type, flags, then message, stack and other state as the flags say.
    Error = 20,
    /// Length and bytes.
    Buffer = 21,
    /// Length, greatest length, and bytes.
    ResizableBuffer = 22,
    /// Type, offset, length plus one (0: follows its buffer), and the buffer as a value.
    View = 23,
    /// Index in the list of transferred buffers.
    Transferred = 24,
    /// Name as a string value, then the class's own value.
    Extension = 25,
}

/// Parts that an error has.
const ERROR_MESSAGE: u8 = 1;
const ERROR_STACK: u8 = 2;
const ERROR_STATE: u8 = 4;

/// The functions in the codec array; `js/structured_clone.js` makes it in this order.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Helper {
    /// `(value, session) -> undefined | [name, payload]`
    Extend = 0,
    /// `(name, payload, session) -> object`
    Revive = 1,
    /// `(kind, value)`, always throws; see [`Complaint`].
    Complain = 2,
    /// `(map) -> [key, value, …]`
    MapEntries = 3,
    /// `(set) -> [value, …]`
    SetValues = 4,
    /// `() -> Map`
    NewMap = 5,
    /// `() -> Set`
    NewSet = 6,
    /// `(map, key, value)`
    MapAdd = 7,
    /// `(set, value)`
    SetAdd = 8,
    /// `(regExp) -> [source, flags]`
    RegExpParts = 9,
    /// `(source, flags) -> RegExp`
    NewRegExp = 10,
    /// `(object) -> primitive`
    Unbox = 11,
    /// `(primitive) -> object`
    Box = 12,
    /// `(error) -> [type, flags, message, stack, state]`
    ErrorParts = 13,
    /// `(type, flags, message, stack) -> Error`
    NewError = 14,
    /// `(error, state)`
    SetErrorState = 15,
    /// `(bigint) -> hexadecimal digits, "-" before them when negative`
    BigIntText = 16,
    /// `(text) -> bigint`
    NewBigInt = 17,
    /// `(buffer) -> greatest length, or -1 for a fixed one`; complains about a detached one
    BufferLimit = 18,
    /// `(length, limit) -> ArrayBuffer`
    NewResizable = 19,
    /// `(view) -> [type, offset, length or -1, buffer]`
    ViewParts = 20,
    /// `(type, buffer, offset, length or -1) -> view`
    NewView = 21,
    /// `(date) -> milliseconds`
    DateTime = 22,
}

/// Why a value cannot be cloned.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Complaint {
    /// "… could not be cloned."
    Uncloneable = 0,
    /// The bytes make no sense.
    Corrupt = 1,
    /// Nested too deep.
    TooDeep = 2,
    /// Larger than a message may be.
    TooLarge = 3,
}

#[cfg(test)]
mod tests;
