//! Language models as workers reach them.
//!
//! [`Models`] is what `env.AI` leads to: any server that speaks OpenAI's API. It adds the key that no isolate sees, and it
//! reads streamed answers on its own account, so that an answer goes on when the agent that asked for it sleeps, dies or
//! is replaced; whoever asks again for the same gets the rest of it. [`Scripted`] is a model without a model: it says what
//! a script tells it to, at the speed that the script wants, for examples and tests. Nothing here listens or prints.

mod continuation;
mod form;
mod limits;
mod models;
mod originals;
mod pipe;
mod recording;
mod run;
mod runs;
mod scripted;
mod sse;
mod tail;

pub use models::{Models, Names, Options};
pub use scripted::{Script, ScriptError, Scripted};
