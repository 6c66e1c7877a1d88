//! What is worth telling of workers that are started together.

use std::collections::BTreeSet;

use super::{Fleet, Member};
use crate::terminal;

impl Fleet {
    /// Says which workers have left objects in the folder of state that nobody looks after.
    pub(crate) fn note_left_objects(&self) {
        let Some(store) = self.shared.runtime.store() else {
            return;
        };
        let is_there = |name: &str| {
            let mut members = self.members.iter();
            members.any(|member| member.project().name == name)
        };
        let left: BTreeSet<String> = store
            .namespaces()
            .iter()
            .filter(|namespace| store.objects(namespace).next().is_some())
            .filter_map(|namespace| Some(namespace.key().rsplit_once(':')?.0.to_owned()))
            // What bindings store belongs to a worker of Atoll's own.
            .filter(|worker| !is_there(worker) && !worker.contains(':'))
            .collect();
        for worker in left {
            terminal::note(format_args!(
                "{} has objects of the worker {worker}, which is not started here",
                self.state.folder().display()
            ));
            terminal::hint(format_args!(
                "start it too, or move them to another worker with a migration: \"transferred_classes\": [{{ \"from\": \"…\", \"from_script\": \"{worker}\", \"to\": \"…\" }}]"
            ));
        }
    }

    /// Says which service bindings lead to what no worker exports.
    pub(crate) fn warn_of_absent_entrypoints(&self) {
        for member in &self.members {
            for service in &member.project().services {
                let mut others = self.members.iter();
                let other = others.find(|other| other.project().name == service.service);
                let worker = other.and_then(|other| other.running.as_ref()?.worker.as_ref());
                let (Some(worker), Some(wanted)) = (worker, &service.entrypoint) else {
                    continue;
                };
                let exports = &worker.exports().entrypoints;
                let names: Vec<&str> = exports.iter().map(|export| export.name.as_str()).collect();
                if names.contains(&wanted.as_str()) {
                    continue;
                }
                terminal::warning(format_args!(
                    "env.{} of {} leads to the entrypoint {wanted} of {}, which does not export it",
                    service.binding,
                    member.project().name,
                    service.service
                ));
                match bundle::nearest(wanted, names.iter().copied()) {
                    Some(near) => terminal::hint(format_args!("did you mean {near}?")),
                    None => terminal::hint(format_args!("it exports {}", names.join(", "))),
                }
            }
        }
    }
}

pub(super) fn warn_of_absent_services(members: &[Member]) {
    let is_there = |name: &str| members.iter().any(|member| member.project().name == name);
    for member in members {
        for service in &member.project().services {
            if !is_there(&service.service) {
                terminal::warning(format_args!(
                    "env.{} of {} leads to the worker {}, which is not started here",
                    service.binding,
                    member.project().name,
                    service.service
                ));
                terminal::hint("start it too: -c ITS-CONFIGURATION");
            }
        }
    }
}
