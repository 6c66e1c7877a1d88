//! A host with a folder of state, a worker with a class of objects, and another one that calls them.

use std::sync::Arc;

use host::{Body, Runtime, StorageOptions, Worker};
use serde_json::{Value, json};

use crate::workers::*;

/// The worker that has the class.
pub(crate) const THINGS: &str = "things";

/// Calls a method of an object: `/object/method`, with its arguments as a JSON array. `fetch` passes the request on.
const CALLER: &str = r#"
export default {
  async fetch(request, env) {
    const [, name, method] = new URL(request.url).pathname.split("/");
    const stub = env.THINGS.getByName(name);
    if (method === "fetch") return stub.fetch(request);
    try {
      const result = await stub[method](...JSON.parse((await request.text()) || "[]"));
      return Response.json(result ?? null);
    } catch (error) {
      const { name, message, remote, retryable, overloaded, durableObjectReset } = error;
      const told = { name, message, remote, retryable, overloaded, durableObjectReset };
      return Response.json(told, { status: 500 });
    }
  },
};
"#;

/// A host with state.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) caller: Worker,
    options: StorageOptions,
    processes: usize,
    /// Goes away with this.
    folder: Arc<tempfile::TempDir>,
}

impl Stage {
    /// Runs a class `Thing` with this body.
    pub(crate) async fn of(body: &str) -> Self {
        Self::with(body, |_| {}).await
    }

    pub(crate) async fn with(body: &str, change: impl FnOnce(&mut StorageOptions)) -> Self {
        let stage = Self::empty(1, change).await;
        stage.deploy(body).await;
        stage
    }

    /// No class runs yet.
    pub(crate) async fn empty(processes: usize, change: impl FnOnce(&mut StorageOptions)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut options = StorageOptions::new(folder.path());
        change(&mut options);
        Self::open(options, processes, folder).await
    }

    async fn open(
        options: StorageOptions,
        processes: usize,
        folder: Arc<tempfile::TempDir>,
    ) -> Self {
        let runtime = start(processes).await;
        runtime.open_storage(&options).await.unwrap();
        let app = App::new(CALLER)
            .name("caller")
            .objects_of("THINGS", THINGS, "Thing");
        let caller = app.try_deploy_on(&runtime).await.unwrap();
        Self {
            runtime,
            caller,
            options,
            processes,
            folder,
        }
    }

    /// Ends the host as it should be ended, and starts another one in the same folder. No class runs there yet.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with other options.
    pub(crate) async fn restart_with(mut self, change: impl FnOnce(&mut StorageOptions)) -> Self {
        self.runtime.close().await.unwrap();
        drop((self.runtime, self.caller));
        change(&mut self.options);
        Self::open(self.options, self.processes, self.folder).await
    }

    pub(crate) async fn deploy(&self, body: &str) -> Worker {
        app(body).try_deploy_on(&self.runtime).await.unwrap()
    }

    /// What the class logs from now on.
    pub(crate) fn log(&self) -> Log {
        Log::on(&self.runtime, THINGS)
    }

    /// Calls a method, and gives its result or what its caller's code caught.
    pub(crate) async fn try_call(
        &self,
        object: &str,
        method: &str,
        arguments: Value,
    ) -> Result<Value, Value> {
        call(&self.caller, object, method, arguments).await
    }

    /// Calls a method that gives a result.
    pub(crate) async fn call(&self, object: &str, method: &str, arguments: Value) -> Value {
        match self.try_call(object, method, arguments).await {
            Ok(value) => value,
            Err(error) => panic!("{object}.{method}: {error}"),
        }
    }

    /// Calls a method that fails.
    pub(crate) async fn failure(&self, object: &str, method: &str, arguments: Value) -> Value {
        match self.try_call(object, method, arguments).await {
            Ok(value) => panic!("{object}.{method} gave {value}"),
            Err(error) => error,
        }
    }
}

/// A worker of one class `Thing` with this body, which also has its own objects as `env.THINGS`.
pub(crate) fn app(body: &str) -> App {
    let source = format!(
        "import {{ DurableObject }} from 'cloudflare:workers'; \
         export class Thing extends DurableObject {{ {body} }} \
         export default {{ fetch() {{ return new Response('things'); }} }}"
    );
    // As it is served: what an `await` goes on with belongs to its transaction.
    let source = bundle::prepare("things.js", &source)
        .unwrap()
        .unwrap_or(source);
    App::new(&source).name(THINGS).objects("THINGS", "Thing")
}

/// Calls a method through the worker that calls.
pub(crate) async fn call(
    caller: &Worker,
    object: &str,
    method: &str,
    arguments: Value,
) -> Result<Value, Value> {
    let path = format!("/{object}/{method}");
    let body = Body::full(arguments.to_string());
    let answer = match send(caller, request("POST", &path, body)).await {
        Ok(answer) => answer,
        Err(error) => panic!("the caller itself failed: {}", explain(&error)),
    };
    let value = serde_json::from_slice(&answer.body).unwrap();
    if answer.status == 200 {
        Ok(value)
    } else {
        Err(value)
    }
}

/// What a caller catches when the isolate of an object is gone.
pub(crate) fn lost() -> Value {
    json!({ "name": "Error", "message": "Network connection lost.", "remote": true, "retryable": true })
}

/// What a caller catches when an object was reset.
pub(crate) fn reset(message: &str) -> Value {
    json!({ "name": "Error", "message": message, "remote": true, "durableObjectReset": true })
}

/// Ends a process at once, unless it has just ended.
pub(crate) fn kill(process: u32) {
    let mut kill = std::process::Command::new("kill");
    kill.args(["-9", &process.to_string()])
        .stderr(std::process::Stdio::null());
    kill.status().unwrap();
}
