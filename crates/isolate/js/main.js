// The functions that the event loop calls: the other side of each is in `src/isolate.rs`.

import "./globals.js";
import { unhandled } from "atoll:native/io";
import { makeAi } from "./ai.js";
import { set } from "./async_context.js";
import { setCompatibility } from "./compatibility.js";
import { bind, bindValue } from "./env.js";
import { describe, isTold } from "./errors.js";
import { endEvents, ending, EventContext, events, failHungEvents, running } from "./event_context.js";
import { ExecutionContext } from "./execution_context.js";
import { callHandler, install, workflowClass } from "./exports.js";
import { fetchEvent } from "./fetch_event.js";
import { host as io, underWay } from "./io.js";
import { makeLoader } from "./loader.js";
import { exportNamespace } from "./loopback.js";
import { done, isUsed as hasObjects, letIn, mayLetIn } from "./objects/gate.js";
import { goOnInside, queue, restInside } from "./objects/inside.js";
import { host as objects } from "./objects/instance.js";
import { host as facets } from "./objects/facets.js";
import { makeNamespace } from "./objects/namespace.js";
import { unpackEnvironment } from "./rpc/parcels.js";
import { host as rpc } from "./rpc/receive.js";
import { makeService } from "./services/index.js";
import { emailEvent } from "./email/event.js";
import { defineWorkflow } from "./workflows/classes.js";
import { makeWorkflow } from "./workflows/binding.js";
import { asked, askForTick, heap as timers, runDueTimer, tickCame } from "./timers.js";
import { traceItems } from "./trace.js";
import { ScheduledController, TestController } from "./controllers.js";

// The C library looks the time zone up when it is first asked, and later there are no files.
new Date(0).getTimezoneOffset();

/** Promises that were rejected while nobody listened. @type {Map<Promise<unknown>, unknown>} */
const rejected = new Map();
let mayBeRejected = false;

/** Runs a handler that gives nothing back. */
function simpleEvent(id, entrypoint, name, argument, props = undefined) {
  const event = new EventContext(id);
  set(event.context);
  let result;
  try {
    result = callHandler(entrypoint, name, argument, new ExecutionContext(event, props));
  } catch (error) {
    event.fail(error);
    return;
  }
  Promise.resolve(result).then(
    () => event.succeed(),
    (error) => event.fail(error),
  );
}

export const host = {
  ...io,
  ...objects,
  ...facets,
  ...rpc,
  bind,
  bindNamespace(name, capability, key) {
    bindValue(name, makeNamespace(capability, key));
  },
  bindAi(name, capability) {
    bindValue(name, makeAi(capability));
  },
  bindService(name, kind, capability) {
    bindValue(name, makeService(kind, { capability }));
  },
  bindWorkflow(name, workflow, capability, key) {
    bindValue(name, makeWorkflow(workflow, { capability }, key));
  },
  defineWorkflow(name, className, steps) {
    defineWorkflow(name, () => workflowClass(className), steps);
  },
  bindLoader(name, capability) {
    bindValue(name, makeLoader(capability));
  },
  bindAll(parcel) {
    for (const [name, value] of Object.entries(unpackEnvironment(parcel))) bindValue(name, value);
  },
  exportNamespace(name, capability, key) {
    exportNamespace(name, capability, key);
  },
  install,
  configure(date, flags) {
    setCompatibility(date, flags);
    globalThis.Cloudflare = Object.freeze({
      compatibilityFlags: Object.freeze(Object.fromEntries(flags.map((flag) => [flag, true]))),
    });
    Object.defineProperty(globalThis, "Cloudflare", { enumerable: false, writable: false });
    return date;
  },
  fetch: fetchEvent,
  scheduled(id, entrypoint, cron, time) {
    simpleEvent(id, entrypoint, "scheduled", new ScheduledController(cron, time));
  },
  email: emailEvent,
  test(id, entrypoint) {
    simpleEvent(id, entrypoint, "test", new TestController());
  },
  tail(id, entrypoint, props, traces) {
    simpleEvent(id, entrypoint, "tail", traceItems(traces), props);
  },
  cancelEvent(id) {
    events.get(id)?.cancel();
  },
  tick: tickCame,
  rejection(promise, reason, handled) {
    if (handled) rejected.delete(promise);
    else {
      rejected.set(promise, reason);
      mayBeRejected = true;
    }
  },
  /** All jobs have run. Returns whether there is more to do in this turn. */
  drained() {
    if (mayBeRejected) {
      const any = rejected.size > 0;
      for (const [promise, reason] of rejected) {
        rejected.delete(promise);
        reportRejection(promise, reason);
      }
      mayBeRejected = false;
      if (any) return true;
    }
    if (hasObjects) {
      if ((done.length > 0 || mayLetIn) && letIn()) return true;
      if (ending.length > 0 && endEvents()) return true;
      if (queue.length > 0 && goOnInside()) return true;
    }
    const isQuiet = timers.length === 0 && asked === undefined;
    if (!isQuiet && runDueTimer()) return true;
    if (running > 0 && underWay === 0 && timers.length === 0 && failHungEvents()) return true;
    if (hasObjects) restInside();
    if (!isQuiet) askForTick();
    return false;
  },
};

function reportRejection(promise, reason) {
  if (isTold(reason)) return;
  if (typeof globalThis.dispatchEvent === "function" && typeof globalThis.PromiseRejectionEvent === "function") {
    const event = new globalThis.PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true });
    if (!globalThis.dispatchEvent(event)) return;
  }
  const { name, message, stack } = describe(reason);
  unhandled(undefined, name, message, stack);
}

