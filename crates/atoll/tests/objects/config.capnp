@0xb1f6c05f2a7d4e93;
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "disk", disk = (path = "objects", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  # MODULES and NAMESPACES stand for every module of the folder and every class of wrangler.json, BINDINGS for its bindings.
  modules = [MODULES],
  compatibilityDate = "2026-06-11",
  compatibilityFlags = ["nodejs_compat"],
  durableObjectNamespaces = [NAMESPACES],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [BINDINGS (name = "SELF", service = "main")],
);
