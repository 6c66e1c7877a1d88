//! Code that an isolate wants to have run.

use std::sync::Arc;

use protocol::limits::{MAX_CODE_BYTES, MAX_CODE_ENV_BYTES, MAX_CODE_NAME_BYTES, MAX_TAILS};
use protocol::{
    CapabilityId, Code, Environment, Exports, Failure, Given, Module, Outbound, Program,
};

use super::Link;
use crate::capability::Capability;
use crate::loader::Made;
use crate::parcel::Item;

impl Link {
    /// What a new worker is made of. All that it may do is what the isolate may do and names.
    pub(super) fn read_code(self: &Arc<Self>, code: &Code<'_>) -> Result<Made, String> {
        let bytes: usize = code.modules.iter().map(|module| module.content.len()).sum();
        let names = code.modules.iter().map(|module| module.name.len());
        if bytes > MAX_CODE_BYTES || names.max().unwrap_or(0) > MAX_CODE_NAME_BYTES {
            return Err("code that is too large".to_owned());
        }
        let mut capabilities = Vec::new();
        let outbound = match code.outbound {
            Outbound::Inherit => self.global_fetch,
            Outbound::Nothing => None,
            Outbound::Capability(id) => Some(id),
        };
        let global_fetch = match outbound.map(|id| self.capability(id)).transpose()? {
            Some(capability @ Capability::Fetch(_)) => {
                capabilities.push(capability);
                Some(0)
            }
            Some(_) => return Err("an outbound that answers no requests".to_owned()),
            None => None,
        };
        let environment = match &code.env {
            Some(env) if env.value.len() > MAX_CODE_ENV_BYTES => {
                return Err("an env that is too large".to_owned());
            }
            Some(env) => {
                let parcel = self.read_parcel(env)?;
                let mut refers = Vec::new();
                for item in parcel.items {
                    let Item::Capability(capability) = item else {
                        return Err("an env with a stream".to_owned());
                    };
                    let id =
                        u32::try_from(capabilities.len()).map_err(|error| error.to_string())?;
                    refers.push(given(&capability, id));
                    capabilities.push(capability);
                }
                Some(Environment {
                    value: parcel.value.to_vec(),
                    refers,
                })
            }
            None => None,
        };
        let module = |module: &protocol::CodeModule<'_>| Module {
            name: module.name.to_owned(),
            kind: module.kind,
            content: module.content.to_vec(),
        };
        Ok(Made {
            program: Program {
                main: code.main.to_owned(),
                modules: code.modules.iter().map(module).collect(),
                compatibility_date: code.compatibility_date.to_owned(),
                compatibility_flags: code
                    .compatibility_flags
                    .iter()
                    .map(|flag| (*flag).to_owned())
                    .collect(),
                environment,
                is_raw: true,
                ..Program::default()
            },
            capabilities,
            global_fetch,
            limits: code.limits,
            tails: self.read_tails(&code.tails)?,
            subrequests: self.subrequests,
        })
    }

    /// Those whom the isolate wants to follow the worker.
    fn read_tails(&self, tails: &[CapabilityId]) -> Result<Vec<Capability>, String> {
        if tails.len() > MAX_TAILS {
            return Err("too many tails".to_owned());
        }
        let tail = |id: &CapabilityId| match self.capability(*id)? {
            tail @ (Capability::Fetch(_) | Capability::Object { .. }) => Ok(tail),
            _ => Err("a tail that cannot follow".to_owned()),
        };
        tails.iter().map(tail).collect()
    }

    /// A plain process has become the worker that it is to be, or could not.
    pub(super) fn evaluated(&self, outcome: Result<Exports, Failure>) -> Result<(), String> {
        if !self.evaluates {
            return Err("an isolate is not a template".to_owned());
        }
        match outcome {
            Ok(_) => Ok(()),
            Err(failure) => {
                let mut state = self.lock();
                state.condemned = true;
                state.verdict = Some(failed_to_start(failure));
                drop(state);
                // That is no breach of the protocol: it ends, and its callers are told.
                Err(String::new())
            }
        }
    }
}

/// What callers of a worker see that does not start.
fn failed_to_start(failure: Failure) -> Failure {
    if failure.kind.is_limit() {
        return failure;
    }
    let Failure {
        kind,
        name,
        message,
        stack,
    } = failure;
    let place = stack.lines().next().map_or_else(String::new, |line| {
        let line = line.trim_start();
        // The engine names what ran: at the top level that says nothing.
        let place = match line.rsplit_once('(') {
            Some((_, place)) => place.trim_end_matches(')'),
            None => line.strip_prefix("at ").unwrap_or(line),
        };
        format!("\n  at {place}")
    });
    Failure {
        kind,
        name: "Error".to_owned(),
        message: format!("Failed to start Worker:\nUncaught {name}: {message}{place}"),
        stack,
    }
}

/// How a capability is described that has this number in a new table.
pub(super) fn given(capability: &Capability, id: u32) -> Given {
    match capability {
        Capability::Stub(_) => Given::Stub(id),
        Capability::Fetch(_) => Given::Fetcher(id),
        Capability::Namespace(namespace) => Given::Namespace {
            capability: id,
            key: namespace.key(),
        },
        Capability::Object {
            id: object, name, ..
        } => Given::Object {
            capability: id,
            id: *object,
            name: name.as_deref().map(str::to_owned),
        },
        Capability::Loader(_) => Given::Loader(id),
        Capability::Class(_) => Given::Class(id),
        Capability::Cache(_) | Capability::Worker(_) | Capability::Facet(_) => Given::Nothing,
    }
}
