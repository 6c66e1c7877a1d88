//! Bindings to what Atoll keeps for workers, and to what it does for them: KV, R2, Workflows, email.

use std::path::Path;
use std::sync::Arc;

use bundle::Project;
use bundle::config::{BucketBinding, EmailBinding, KeyValueBinding, WorkflowBinding};
use host::Capability;
use protocol::{Binding, BindingValue, ServiceKind, Workflow};
use services::Services;
use services::mail::{Mailbox, Rules};

use crate::bindings::{Shared, Table};
use crate::error::Error;
use crate::terminal;

/// The folder of messages in the folder of state.
const MAIL: &str = "email";

/// What answers a worker's bindings, if it has such.
pub(crate) async fn services(
    project: &Project,
    shared: &Shared,
    state: &Path,
) -> Result<Option<Services>, Error> {
    if !project.needs_services() {
        return Ok(None);
    }
    match Services::start(&shared.runtime, state).await {
        Ok(services) => Ok(Some(services)),
        Err(error) => Err(Error::failed("bindings cannot be served", error)),
    }
}

/// Where mail goes.
pub(crate) fn mailbox(state: &Path) -> Mailbox {
    let tell = |sent: &services::mail::Sent| {
        terminal::note(format_args!(
            "email from {} to {} is in {}",
            sent.from,
            sent.to.join(", "),
            sent.file.display()
        ));
    };
    Mailbox::new(state.join(MAIL), Arc::new(tell))
}

/// Adds what a project's configuration binds.
pub(crate) fn bind(
    project: &Project,
    shared: &Shared,
    services: Option<&Services>,
    state: &Path,
    table: &mut Table,
) -> Result<Vec<Binding>, Error> {
    let unreachable = |error| Error::failed("cannot reach what bindings store", error);
    let mut env = Vec::new();
    let mut bind = |name: &str, kind, fetcher| {
        let capability = table.add(Capability::Fetch(fetcher));
        env.push(Binding {
            name: name.to_owned(),
            value: BindingValue::Service(kind, capability),
        });
    };
    if let Some(services) = services {
        for KeyValueBinding { binding, namespace } in &project.key_values {
            let fetcher = services.key_values(namespace).map_err(unreachable)?;
            bind(binding, ServiceKind::KeyValues, fetcher);
        }
        for BucketBinding { binding, bucket } in &project.buckets {
            let fetcher = services.bucket(bucket).map_err(unreachable)?;
            bind(binding, ServiceKind::Bucket, fetcher);
        }
    }
    let mailbox = mailbox(state);
    for email in &project.emails {
        let EmailBinding {
            binding,
            destination,
            destinations,
            senders,
        } = email.clone();
        let rules = Rules {
            destination,
            destinations,
            senders,
        };
        bind(&binding, ServiceKind::Email, mailbox.binding(rules));
    }
    for workflow in &project.workflows {
        let worker = workflow.script.as_deref().unwrap_or(&project.name);
        let class = Workflow::instance_class(&workflow.name);
        let namespace = shared
            .runtime
            .namespace(worker, &class)
            .map_err(|error| Error::failed("cannot reach stored Workflows", error))?;
        let key = namespace.key();
        env.push(Binding {
            name: workflow.binding.clone(),
            value: BindingValue::Workflow {
                name: workflow.name.clone(),
                capability: table.add(Capability::Namespace(namespace)),
                key,
            },
        });
    }
    Ok(env)
}

/// What a person is told of these bindings: the property of `env`, and what it leads to.
pub(crate) fn rows(project: &Project) -> Vec<(String, String)> {
    let row = |name: &str, what: String| (format!("env.{name}"), what);
    let mut rows = Vec::new();
    for KeyValueBinding { binding, namespace } in &project.key_values {
        rows.push(row(binding, format!("KV namespace {namespace}")));
    }
    for BucketBinding { binding, bucket } in &project.buckets {
        rows.push(row(binding, format!("R2 bucket {bucket}")));
    }
    for workflow in &project.workflows {
        let of = match &workflow.script {
            Some(script) => format!(" of worker {script}"),
            None => String::new(),
        };
        let what = format!("Workflow {}, class {}{of}", workflow.name, workflow.class);
        rows.push(row(&workflow.binding, what));
    }
    for email in &project.emails {
        rows.push(row(&email.binding, "email, written to a folder".to_owned()));
    }
    rows
}

/// The Workflows whose instances live in this worker.
pub(crate) fn own_workflows(project: &Project) -> Vec<Workflow> {
    let own = |workflow: &&WorkflowBinding| {
        let script = workflow.script.as_ref();
        script.is_none_or(|script| *script == project.name)
    };
    let workflows = project.workflows.iter().filter(own);
    workflows
        .map(|workflow| Workflow {
            name: workflow.name.clone(),
            class: workflow.class.clone(),
            steps: workflow.steps,
        })
        .collect()
}
