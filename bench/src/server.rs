//! The servers that are compared, each in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    folder: Option<PathBuf>,
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
}

impl Setup {
    /// A worker that needs nothing.
    pub(crate) const fn of(worker: &'static str) -> Self {
        Self {
            worker,
            wrangler: "",
            workerd: "",
            services: "",
        }
    }
}

/// Where npm workerd is, if the environment says so.
pub(crate) fn find_workerd() -> Option<PathBuf> {
    std::env::var_os("WORKERD").map(PathBuf::from)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Server {
    /// `atoll serve` on one of the Workers in `bench/workers`.
    pub(crate) async fn atoll(worker: &'static str) -> anyhow::Result<Self> {
        Self::atoll_with(&Setup::of(worker)).await
    }

    pub(crate) async fn atoll_with(setup: &Setup) -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("atoll");
        if !binary.exists() {
            bail!(
                "{} is missing: cargo build --release first",
                binary.display()
            );
        }
        let folder = scratch()?;
        std::fs::copy(
            root().join("bench/workers").join(setup.worker),
            folder.join("index.js"),
        )?;
        std::fs::write(
            folder.join("wrangler.jsonc"),
            format!(
                r#"{{ "name": "bench", "main": "index.js", "compatibility_date": "2026-06-11",
                "compatibility_flags": ["nodejs_compat"]{} }}"#,
                setup.wrangler
            ),
        )?;
        let port = free_port()?;
        let child = Command::new(binary)
            .args([
                "serve",
                "--port",
                &port.to_string(),
                "--log-level",
                "error",
                "-c",
            ])
            .arg(folder.join("wrangler.jsonc"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Self {
            child,
            port,
            folder: Some(folder),
        }
        .answering()
        .await
    }

    /// `workerd serve` on the same Worker.
    pub(crate) async fn workerd(binary: &Path, worker: &'static str) -> anyhow::Result<Self> {
        Self::workerd_with(binary, &Setup::of(worker)).await
    }

    pub(crate) async fn workerd_with(binary: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let folder = scratch()?;
        std::fs::create_dir(folder.join("objects"))?;
        std::fs::copy(
            root().join("bench/workers").join(setup.worker),
            folder.join("index.js"),
        )?;
        let port = free_port()?;
        std::fs::write(
            folder.join("config.capnp"),
            format!(
                "using Workerd = import \"/workerd/workerd.capnp\";\n\
                 const config :Workerd.Config = (\n\
                   services = [(name = \"main\", worker = (\n\
                     modules = [(name = \"index.js\", esModule = embed \"index.js\")],\n\
                     compatibilityDate = \"2026-06-11\", compatibilityFlags = [\"nodejs_compat\"]{}))\
                   {}],\n\
                   sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")]);\n",
                setup.workerd, setup.services
            ),
        )?;
        let child = Command::new(binary)
            .args(["serve", "config.capnp"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting workerd")?;
        Self {
            child,
            port,
            folder: Some(folder),
        }
        .answering()
        .await
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    async fn answering(mut self) -> anyhow::Result<Self> {
        let start = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the server does not listen");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn scratch() -> anyhow::Result<PathBuf> {
    let stamp = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_nanos();
    let folder = std::env::temp_dir().join(format!("atoll-bench-{}-{stamp}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
