//! What a program finds in `env` and in `ctx.exports`.

use protocol::{Binding, BindingValue, Environment, Failure, ServiceKind, Workflow};
use rquickjs::{ArrayBuffer, Ctx, TypedArray};

use crate::failure::caught;
use crate::isolate::Isolate;
use crate::values::given_with;

impl Isolate {
    pub(crate) fn bind_all(
        &self,
        ctx: &Ctx<'_>,
        env: Vec<Binding>,
        exports: Vec<Binding>,
        environment: Option<Environment>,
    ) -> Result<(), Failure> {
        if let Some(environment) = environment {
            let value = given_with(ctx, &environment.value, &environment.refers)
                .map_err(|error| caught(ctx, error, false))?;
            self.call(ctx, "bindAll", (value,))?;
        }
        for binding in env {
            self.bind(ctx, &binding.name, binding.value)?;
        }
        for export in exports {
            // Entrypoints list themselves; only namespaces are the host's to tell.
            if let BindingValue::Namespace { capability, key } = export.value {
                let key = bytes(ctx, key)?;
                self.call(ctx, "exportNamespace", (export.name, capability, key))?;
            }
        }
        Ok(())
    }

    /// Tells of the Workflows whose instances live here.
    pub(crate) fn define_workflows(
        &self,
        ctx: &Ctx<'_>,
        workflows: Vec<Workflow>,
    ) -> Result<(), Failure> {
        for Workflow { name, class, steps } in workflows {
            self.call(ctx, "defineWorkflow", (name, class, steps))?;
        }
        Ok(())
    }

    fn bind(&self, ctx: &Ctx<'_>, name: &str, value: BindingValue) -> Result<(), Failure> {
        match value {
            BindingValue::Text(text) => self.call(ctx, "bind", (name, "text", text))?,
            BindingValue::Json(json) => self.call(ctx, "bind", (name, "json", json))?,
            BindingValue::Data(bytes) => {
                let buffer = ArrayBuffer::new_copy(ctx.clone(), bytes)
                    .map_err(|error| caught(ctx, error, false))?;
                self.call(ctx, "bind", (name, "data", buffer))?
            }
            BindingValue::Fetcher(capability) => {
                self.call(ctx, "bind", (name, "fetcher", capability))?
            }
            BindingValue::Ai(capability) => self.call(ctx, "bindAi", (name, capability))?,
            BindingValue::Service(kind, capability) => {
                let kind = match kind {
                    ServiceKind::KeyValues => "kv",
                    ServiceKind::Bucket => "r2",
                    ServiceKind::Email => "email",
                    ServiceKind::Browser => "browser",
                };
                self.call(ctx, "bindService", (name, kind, capability))?
            }
            BindingValue::Workflow {
                name: workflow,
                capability,
                key,
            } => {
                let key = bytes(ctx, key)?;
                self.call(ctx, "bindWorkflow", (name, workflow, capability, key))?
            }
            BindingValue::Loader(capability) => self.call(ctx, "bindLoader", (name, capability))?,
            BindingValue::Namespace { capability, key } => {
                let key = bytes(ctx, key)?;
                self.call(ctx, "bindNamespace", (name, capability, key))?
            }
        };
        Ok(())
    }
}

fn bytes<'js>(ctx: &Ctx<'js>, bytes: [u8; 32]) -> Result<TypedArray<'js, u8>, Failure> {
    TypedArray::new_copy(ctx.clone(), bytes).map_err(|error| caught(ctx, error, false))
}
