//! Values on their way from one isolate to another.

use bytes::Bytes;

use crate::body::Body;
use crate::capability::Capability;
use crate::fetcher::FetchError;

/// A value as bytes that only isolates read, and what it refers to.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) value: Bytes,
    pub(crate) items: Vec<Item>,
}

/// Something that a value refers to.
#[derive(Debug)]
pub(crate) enum Item {
    Capability(Capability),
    /// Bytes, and how many they are when that is known.
    Stream(Body, Option<u64>),
}

/// What an entrypoint sees as its `ctx.props`: a value that can be had any number of times.
#[derive(Clone, Debug)]
pub struct Props {
    value: Bytes,
    capabilities: Vec<Capability>,
}

impl Props {
    /// `None` when the value refers to a stream, which can only be read once.
    pub(crate) fn new(parcel: Parcel) -> Option<Self> {
        let capability = |item| match item {
            Item::Capability(capability) => Some(capability),
            Item::Stream(..) => None,
        };
        Some(Self {
            value: parcel.value,
            capabilities: parcel
                .items
                .into_iter()
                .map(capability)
                .collect::<Option<_>>()?,
        })
    }

    /// Props that a configuration says: a JSON object. Isolates tell such text from a value by its first byte.
    pub(crate) fn from_json(text: &str) -> Self {
        Self {
            value: Bytes::copy_from_slice(text.as_bytes()),
            capabilities: Vec::new(),
        }
    }

    pub(crate) fn parcel(&self) -> Parcel {
        let capabilities = self.capabilities.iter().cloned();
        Parcel {
            value: self.value.clone(),
            items: capabilities.map(Item::Capability).collect(),
        }
    }
}

/// What became of a method call that reached its target.
pub(crate) enum Returned {
    Value(Parcel),
    /// A value that was thrown, as bytes.
    Thrown(Bytes),
}

/// Takes what became of a method call, where it becomes known.
pub(crate) struct Returns(Option<Box<Return>>);

type Return = dyn FnOnce(Result<Returned, FetchError>) + Send;

impl Returns {
    pub(crate) fn new(take: impl FnOnce(Result<Returned, FetchError>) + Send + 'static) -> Self {
        Self(Some(Box::new(take)))
    }

    pub(crate) fn call(mut self, outcome: Result<Returned, FetchError>) {
        if let Some(take) = self.0.take() {
            take(outcome);
        }
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        if let Some(take) = self.0.take() {
            take(Err(crate::link::lost()));
        }
    }
}

impl std::fmt::Debug for Returns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Returns")
    }
}

/// A method to be called, or a property to be read.
#[derive(Debug)]
pub struct MethodCall {
    /// Names, one inside the other.
    pub(crate) path: Vec<Box<str>>,
    /// The array of its arguments. Without one the property is read.
    pub(crate) arguments: Option<Parcel>,
    /// How many workers the request behind it has passed through.
    pub(crate) depth: u32,
    /// Code from a string makes it.
    pub(crate) is_dynamic: bool,
    pub(crate) returns: Returns,
}

impl MethodCall {
    /// Answers that there is no such method.
    pub fn refuse(self) {
        let name = self.path.last().map_or("", |name| &**name);
        let text = format!("The RPC receiver does not implement the method \"{name}\".");
        self.returns.call(Err(FetchError::Refused(text)));
    }
}
