@0xd2f0a8e3c4b59617;
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  # MODULES stands for every module of the folder.
  modules = [MODULES],
  compatibilityDate = "2026-06-11",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [(name = "SELF", service = "main"), (name = "LOADER", workerLoader = ())],
);
