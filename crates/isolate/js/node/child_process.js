/** `node:child_process`: it links, and says that a worker cannot start processes. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("child_process", "a worker cannot start processes");

export const {
  ChildProcess, _forkChild, exec, execFile, execFileSync, execSync, fork, spawn, spawnSync,
} = take;
export default module;
