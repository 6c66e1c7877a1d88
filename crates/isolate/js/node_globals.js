/** The globals that Node has and the web has not. */
import "./node/module.js";
import { Buffer } from "./node/buffer.js";
import process from "./node/process.js";
import "./node_support/call_sites.js";
import { clearImmediate, setImmediate } from "./node/timers.js";
import { expose } from "./webidl.js";

expose({ Buffer, process });
Object.assign(globalThis, { clearImmediate, global: globalThis, setImmediate });
