//! The servers that are compared, each in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::folder::Folder;
use crate::memory;

/// A running server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    is_atoll: bool,
    _folder: Folder,
}

/// A worker and what its configurations have to say of it.
pub(crate) struct Setup {
    /// The file in `bench/workers`.
    pub(crate) worker: &'static str,
    /// Further fields of wrangler.jsonc, each after a comma.
    pub(crate) wrangler: &'static str,
    /// Further fields of workerd's worker.
    pub(crate) workerd: &'static str,
    /// Further services of workerd.
    pub(crate) services: &'static str,
    /// Further variables of Atoll's environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Setup {
    /// A worker that needs nothing.
    pub(crate) const fn of(worker: &'static str) -> Self {
        Self {
            worker,
            wrangler: "",
            workerd: "",
            services: "",
            environment: Vec::new(),
        }
    }
}

impl Server {
    /// `atoll serve` on one of the Workers in `bench/workers`.
    pub(crate) async fn atoll(binary: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let folder = Folder::of(setup.worker)?;
        std::fs::write(
            folder.path().join("wrangler.jsonc"),
            format!(
                r#"{{ "name": "bench", "main": "index.js", "compatibility_date": "2026-06-11",
                "compatibility_flags": ["nodejs_compat"]{} }}"#,
                setup.wrangler
            ),
        )?;
        let port = free_port()?;
        let mut command = Command::new(binary);
        command
            .envs(setup.environment.iter().map(|(name, value)| (name, value)))
            .args(["serve", "--log-level", "error", "--port"])
            .arg(port.to_string())
            .arg("-c")
            .arg(folder.path().join("wrangler.jsonc"));
        Self::start(command, port, folder, true).await
    }

    /// `workerd serve` on the same Worker.
    pub(crate) async fn workerd(binary: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let mut folder = Folder::of(setup.worker)?;
        match setup.worker {
            "builds.js" => folder.bundle_with_package().await?,
            "agents.js" => folder.bundle_without_email().await?,
            _ => {}
        }
        std::fs::create_dir(folder.path().join("objects"))?;
        let port = free_port()?;
        let modules: Vec<String> = folder
            .modules
            .iter()
            .map(|name| {
                let kind = match name.ends_with(".wasm") {
                    true => "wasm",
                    false => "esModule",
                };
                format!("(name = \"{name}\", {kind} = embed \"{name}\")")
            })
            .collect();
        std::fs::write(
            folder.path().join("config.capnp"),
            format!(
                "using Workerd = import \"/workerd/workerd.capnp\";\n\
                 const config :Workerd.Config = (\n\
                   services = [(name = \"main\", worker = (\n\
                     modules = [{}],\n\
                     compatibilityDate = \"2026-06-11\", compatibilityFlags = [\"nodejs_compat\"]{}))\
                   {}],\n\
                   sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")]);\n",
                modules.join(", "),
                setup.workerd,
                setup.services
            ),
        )?;
        let mut command = Command::new(binary);
        command
            .args(["serve", "config.capnp", "--experimental"])
            .current_dir(folder.path());
        Self::start(command, port, folder, false).await
    }

    /// Whether it is not the peer.
    pub(crate) fn is_atoll(&self) -> bool {
        self.is_atoll
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The number of its first process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Megabytes that all its processes keep at the moment, if this user may know.
    pub(crate) fn memory(&self) -> Option<f64> {
        memory::of_tree(self.child.id())
    }

    async fn start(
        mut command: Command,
        port: u16,
        folder: Folder,
        is_atoll: bool,
    ) -> anyhow::Result<Self> {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            port,
            is_atoll,
            _folder: folder,
        };
        let start = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the server does not listen");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
