@0xb1d7f2a9c05e4836;
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    # The registry of the tests is on this machine.
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  # MODULES stands for every module, the npm package's WebAssembly among them.
  modules = [MODULES],
  compatibilityDate = "2026-06-11",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [(name = "LOADER", workerLoader = ())],
);
