// The Durable Objects that live in this isolate, and what happens to them.

import * as native from "atoll:native/objects";
import { alarmRang, alarmRings } from "atoll:native/sqlite";
import { get, run, set } from "../async_context.js";
import { env } from "../env.js";
import { describe, markTold } from "../errors.js";
import { EventContext } from "../event_context.js";
import { objectClass } from "../exports.js";
import { answer } from "../fetch_event.js";
import { abandonStream, breakSocketsOf, dropCallsOf, dropStream, keepStream, requestBody } from "../io.js";
import { incomingRequest } from "../request.js";
import { isResponse } from "../response.js";
import { findKept, serve, serveObject } from "../rpc/receive.js";
import { clearTimeout, dropTimersOf, setTimeout } from "../timers.js";
import { traceItems } from "../trace.js";
import { DurableObject } from "../cloudflare/workers.js";
import { sayWhatItIs } from "./facets.js";
import { Gate } from "./gate.js";
import { moveIn, moveOut, onLoss } from "./inside.js";
import { CLOSED, Keeper, MESSAGE, REFUSED } from "./sockets.js";
import { makeId } from "./id.js";
import { makeState } from "./state.js";

/** @type {Map<number, Instance>} */
const instances = new Map();

/** So many streams an object keeps beyond the events that they came with. */
const MAX_STREAMS = 256;
const TOO_MANY_STREAMS = `A Durable Object can keep at most ${MAX_STREAMS} streams that it has not read to their end.`;

const HUNG = "The Durable Object's code had hung and would never have gone on.";

/** One object, from its opening to its end. */
export class Instance {
  gate = new Gate();
  /** Events under way. @type {Set<EventContext>} */
  events = new Set();
  sockets = new Keeper(this);
  /** What it has said of its facets, if it has any. @type {import("./facets.js").Facets | undefined} */
  facets = undefined;
  /** Streams that it has kept, the oldest first. @type {Set<number>} */
  streams = new Set();
  /** Why the object is no more. */
  broken = undefined;
  /** The same as its callers are told. @type {{ name: string, message: string, stack: string } | undefined} */
  failure = undefined;
  /** The id under which stubs in this isolate reach it. @type {string | undefined} */
  address = undefined;
  /** It was called from inside this isolate since it was last asked to sleep. */
  wasVisited = false;
  /** What the exported class made. @type {any} */
  #value = undefined;
  /** Whether the class lets others call its methods. */
  #hasMethods = false;

  constructor(number, className, id, props, depth) {
    this.number = number;
    this.className = className;
    this.id = id;
    /** The value as it came. */
    this.props = props;
    /** How many objects it is a facet of, one inside the other. */
    this.depth = depth;
  }

  /** Whether the class has a handler for alarms. It is asked while the constructor runs, too. */
  get handlesAlarms() {
    return typeof (this.#value ?? objectClass(this.className).prototype)?.alarm === "function";
  }

  /** The instance of the exported class, made when it is first needed. */
  #made() {
    if (this.#value === undefined) {
      const Class = objectClass(this.className);
      this.#value = new Class(makeState(this), env);
      this.#hasMethods = this.#value instanceof DurableObject;
    }
    return this.#value;
  }

  /**
   * Runs `work` on the instance once the input gate lets the event in.
   * @param {EventContext} event
   * @param {(value: any) => void} work
   */
  deliver(event, work) {
    event.object = this;
    this.events.add(event);
    this.#whenFree(event, work);
  }

  #whenFree(event, work) {
    this.gate.enter(undefined, () => {
      if (this.broken !== undefined) return;
      let value;
      try {
        value = run(event.context, () => this.#made());
      } catch (error) {
        this.break(error);
        return;
      }
      // The constructor may have shut the gate.
      this.gate.enter(undefined, () => {
        if (this.broken === undefined) run(event.context, work, value);
      });
    });
  }

  /** A method of the object is called, or of what it keeps under a number. */
  call(event, number, path, parcel) {
    const isKept = number !== undefined && number !== null;
    const find = isKept ? findKept : callableObject;
    event.object = this;
    this.events.add(event);
    if (this.#value === undefined || this.broken !== undefined || !this.gate.isFree) {
      this.#whenFree(event, (value) => serve(event, find, path, parcel, isKept ? number : value));
      return;
    }
    const before = get();
    set(event.context);
    try {
      if (isKept || parcel === undefined || path.length !== 1 || !this.#hasMethods) {
        serve(event, find, path, parcel, isKept ? number : this.#value);
      } else {
        serveObject(event, this.#value, path[0], parcel);
      }
    } finally {
      set(before);
    }
  }

  /** Something came on a socket whose both ends are here. */
  localSocket(number, kind, data, reason) {
    this.gate.enter(undefined, () => {
      if (this.broken !== undefined || this.#value === undefined) return;
      Promise.resolve(socketEvent(this, this.#value, number, kind, data, reason)).catch((error) => this.break(error));
    });
  }

  /**
   * Ends the object: its callers see `error`, its next event gets a new instance. `kind` is "blocked" when it kept everything
   * waiting.
   */
  break(error, kind = "reset") {
    if (this.broken !== undefined) return;
    this.broken = error ?? new Error("The Durable Object was reset.");
    markTold(this.broken);
    const { name, message, stack } = describe(this.broken);
    this.failure = { name, message, stack, overloaded: kind === "blocked" };
    native.broken(this.number, kind, name, message, stack);
    this.#end();
  }

  /** The host has taken the object away. */
  reset(reason) {
    this.broken = Object.assign(new Error(reason), { durableObjectReset: true });
    this.failure = { name: "Error", message: reason, stack: "" };
    this.#end();
  }

  /** Whether a stream stays whose event is over. @param {number} id */
  keeps(id) {
    if (this.broken !== undefined || !keepStream(id, this.streams)) return false;
    if (this.streams.size > MAX_STREAMS) {
      const [oldest] = this.streams;
      dropStream(oldest, new Error(TOO_MANY_STREAMS));
    }
    return true;
  }

  /**
   * The host asks an object that is not idle only when nothing has come for long. Gives up what its events have left behind,
   * if that is all that goes on. Returns whether it was.
   */
  abandonsAll() {
    const events = [...this.events];
    // The host cannot have waited for those that it does not know.
    const unknown = events.filter(({ visit }) => visit?.isKnown === false);
    for (const { visit } of unknown) visit.makeKnown();
    if (unknown.length > 0 || !events.every((event) => event.isLeftBehind)) return false;
    for (const event of events) event.abandon();
    for (const id of [...this.streams]) abandonStream(id);
    return true;
  }

  hang() {
    if (this.gate.isShut) this.break(new Error(HUNG));
  }

  #end() {
    instances.delete(this.number);
    moveOut(this);
    this.gate.forget();
    dropTimersOf(this);
    for (const id of [...this.streams]) dropStream(id, this.broken);
    for (const event of [...this.events]) event.forget();
    breakSocketsOf(this);
    dropCallsOf(this);
  }

  /** Refuses what would touch an object that is no more. */
  check() {
    if (this.broken !== undefined) throw this.broken;
  }
}

function arrive(id) {
  const event = new EventContext(id);
  set(event.context);
  return event;
}

function deliver(event, object, work) {
  const instance = instances.get(object);
  // The host learns that the object is no more before it hears of this event, and has told those who wait.
  if (instance === undefined) event.forget();
  else instance.deliver(event, work);
}

const MOST_ALARM_RETRIES = 6;

const ABNORMAL = 1006;
const NO_STATUS = 1005;

/** Calls the handler for what came on a socket that the host keeps. */
async function socketEvent(object, value, number, kind, data, reason) {
  const { sockets } = object;
  const socket = sockets.get(number);
  if (socket === undefined) return;
  if (kind === MESSAGE) {
    if (typeof value.webSocketMessage === "function") await value.webSocketMessage(socket, data);
    return;
  }
  sockets.ended(socket, kind === REFUSED);
  try {
    if (kind === REFUSED) {
      if (typeof value.webSocketError === "function") await value.webSocketError(socket, refusal(reason));
      return;
    }
    const code = kind === CLOSED ? (data ?? NO_STATUS) : ABNORMAL;
    if (typeof value.webSocketClose === "function") await value.webSocketClose(socket, code, reason, kind === CLOSED);
  } finally {
    sockets.forget(number);
  }
}

/** What came on a socket and must not have: nothing of ours was under way. */
function refusal(text) {
  const error = new Error(text);
  error.stack = String(error);
  return error;
}

/** Fails when the event of a socket takes longer than the object allows, and gives up what its handler waits for. */
function inTime(event, promise, limit) {
  if (limit === null) return promise;
  return new Promise((resolve, reject) => {
    const late = () => {
      dropTimersOf(event);
      dropCallsOf(event);
      reject(new Error(`The WebSocket event took longer than ${limit} ms.`));
    };
    const timer = setTimeout(late, limit);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What methods of an object are called on. */
function callableObject(value) {
  if (!(value instanceof DurableObject)) {
    throw new TypeError(
      "The receiving Durable Object does not support RPC, because its class was not declared with `extends " +
        "DurableObject`. In order to enable RPC, make sure your class extends the special class `DurableObject`, which " +
        'can be imported from the module "cloudflare:workers".',
    );
  }
  return { target: value, ownProperties: false, isEntrypoint: true };
}

onLoss((object, reason) => instances.get(object)?.reset(reason));

export const host = {
  open(object, className, id, name, text, props, depth) {
    const shown = text ?? makeId(id, name ?? undefined);
    const instance = new Instance(object, className, shown, props, depth);
    instances.set(object, instance);
    // The id of a facet may be that of the object that it belongs to, which is the one that stubs reach.
    if (depth === 0) moveIn(instance);
  },
  /** Returns whether the object may go to sleep. It is gone if it may. */
  sleep(object) {
    const instance = instances.get(object);
    if (instance === undefined) return true;
    // The host may not know of all that happened to it.
    const wasVisited = instance.wasVisited;
    instance.wasVisited = false;
    if (wasVisited) return false;
    if (instance.events.size > 0 && !instance.abandonsAll()) return false;
    instance.reset("The Durable Object has gone to sleep.");
    return true;
  },
  /** What the object wrote is lost, and the host is told. */
  lose(object, reason) {
    instances.get(object)?.reset(reason);
  },
  reset(object, reason) {
    instances.get(object)?.reset(reason);
  },
  objectFetch(object, id, method, url, headers, bodyKind, bodyValue, bodyLength, cf, websocket) {
    const event = arrive(id);
    const body = requestBody(bodyKind, bodyValue, bodyLength);
    deliver(event, object, (value) => {
      let result;
      try {
        if (typeof value.fetch !== "function") {
          throw new Error("Handler does not export a fetch() function.");
        }
        result = value.fetch(incomingRequest(method, url, headers, body, cf, event));
      } catch (error) {
        event.fail(error);
        return;
      }
      const respond = (response) => {
        if (event.isOpen) answer(event, response);
      };
      if (isResponse(result)) respond(result);
      else Promise.resolve(result).then(respond, (error) => event.fail(error));
    });
  },
  objectCall(object, id, number, path, parcel) {
    const event = arrive(id);
    const instance = instances.get(object);
    if (instance === undefined) event.forget();
    else instance.call(event, number, path, parcel);
  },
  objectSockets(object, request, response, sockets) {
    const keeper = instances.get(object)?.sockets;
    if (keeper === undefined) return;
    if (typeof request === "string") keeper.autoResponse = [request, response];
    for (const socket of sockets) keeper.restore(socket);
  },
  objectAnswered(object, socket, time) {
    instances.get(object)?.sockets.answered(socket, time);
  },
  objectSocket(object, id, socket, kind, data, reason) {
    const event = arrive(id);
    deliver(event, object, (value) => {
      const { sockets } = event.object;
      inTime(event, socketEvent(event.object, value, socket, kind, data, reason), sockets.timeout).then(
        () => event.handled(),
        (error) => {
          if (kind !== MESSAGE) sockets.forget(socket);
          event.fail(error);
        },
      );
    });
  },
  objectTail(object, id, traces) {
    const event = arrive(id);
    deliver(event, object, (value) => {
      let result;
      try {
        if (typeof value.tail !== "function") throw new TypeError("Handler does not export a tail() function.");
        result = value.tail(traceItems(traces));
      } catch (error) {
        event.fail(error);
        return;
      }
      Promise.resolve(result).then(
        () => event.succeed(),
        (error) => event.fail(error),
      );
    });
  },
  objectFacet(object, id, name, question) {
    const event = arrive(id);
    deliver(event, object, () => sayWhatItIs(event.object, name, question).then(() => event.succeed()));
  },
  objectAlarm(object, id, scheduledTime, retryCount) {
    const event = arrive(id);
    deliver(event, object, (value) => {
      // Code may have moved it while this was on its way.
      if (!alarmRings(object, scheduledTime)) {
        event.handled();
        return;
      }
      const over = (handled) => {
        if (event.object.broken === undefined) alarmRang(object, handled);
      };
      const fail = (error) => {
        // The host tries no more often than that, and gives the alarm up.
        over(retryCount >= MOST_ALARM_RETRIES);
        event.fail(error);
      };
      let result;
      try {
        if (typeof value.alarm !== "function") {
          throw new TypeError("Handler does not export an alarm() function.");
        }
        result = value.alarm({ isRetry: retryCount > 0, retryCount, scheduledTime });
      } catch (error) {
        fail(error);
        return;
      }
      Promise.resolve(result).then(() => {
        over(true);
        event.handled();
      }, fail);
    });
  },
};
