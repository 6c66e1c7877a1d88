/** `node:diagnostics_channel`: named channels that code publishes to without knowing who listens. */
import { invalidArgType } from "../node_support/errors.js";
import { validateFunction, validateInteger } from "../node_support/validators.js";

/** @type {Map<string | symbol, Channel>} */
const channels = new Map();

/** An error in a subscriber must not reach the publisher: it surfaces as an uncaught one. */
const reportLater = (error) =>
  queueMicrotask(() => {
    throw error;
  });

export class Channel {
  #subscribers = [];
  #stores = new Map();

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#subscribers.length > 0 || this.#stores.size > 0;
  }

  subscribe(subscription) {
    validateFunction(subscription, "subscription");
    // A copy, so that a publication under way keeps its list.
    this.#subscribers = [...this.#subscribers, subscription];
  }

  unsubscribe(subscription) {
    const position = this.#subscribers.indexOf(subscription);
    if (position < 0) return false;
    this.#subscribers = this.#subscribers.toSpliced(position, 1);
    return true;
  }

  bindStore(store, transform) {
    this.#stores.set(store, transform);
  }

  unbindStore(store) {
    return this.#stores.delete(store);
  }

  publish(message) {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(message, this.name);
      } catch (error) {
        reportLater(error);
      }
    }
  }

  /** Runs a function with every bound store entered. */
  runStores(message, callback, thisArg, ...args) {
    let run = () => {
      this.publish(message);
      return Reflect.apply(callback, thisArg, args);
    };
    for (const [store, transform] of this.#stores) {
      const next = run;
      run = () => {
        let value = message;
        if (transform) {
          try {
            value = transform(message);
          } catch (error) {
            reportLater(error);
            return next();
          }
        }
        return store.run(value, next);
      };
    }
    return run();
  }
}

export function channel(name) {
  if (typeof name !== "string" && typeof name !== "symbol") throw invalidArgType("channel", ["string", "symbol"], name);
  let found = channels.get(name);
  if (!found) channels.set(name, (found = new Channel(name)));
  return found;
}

export function hasSubscribers(name) {
  return channels.get(name)?.hasSubscribers ?? false;
}

export function subscribe(name, subscription) {
  channel(name).subscribe(subscription);
}

export function unsubscribe(name, subscription) {
  return channel(name).unsubscribe(subscription);
}

const TRACE_EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"];

/** Five channels that follow one operation. */
export class TracingChannel {
  constructor(nameOrChannels) {
    for (const event of TRACE_EVENTS) {
      this[event] =
        typeof nameOrChannels === "string" ? channel(`tracing:${nameOrChannels}:${event}`) : nameOrChannels[event];
      if (!(this[event] instanceof Channel)) {
        throw invalidArgType("nameOrChannels", ["string", "object", "TracingChannel"], nameOrChannels);
      }
    }
  }

  get hasSubscribers() {
    return TRACE_EVENTS.some((event) => this[event].hasSubscribers);
  }

  subscribe(handlers) {
    for (const event of TRACE_EVENTS) if (handlers[event]) this[event].subscribe(handlers[event]);
  }

  unsubscribe(handlers) {
    let done = true;
    for (const event of TRACE_EVENTS) {
      if (handlers[event] && !this[event].unsubscribe(handlers[event])) done = false;
    }
    return done;
  }

  traceSync(callback, context = {}, thisArg = undefined, ...args) {
    if (!this.hasSubscribers) return Reflect.apply(callback, thisArg, args);
    return this.start.runStores(context, () => {
      try {
        const result = Reflect.apply(callback, thisArg, args);
        context.result = result;
        return result;
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  tracePromise(callback, context = {}, thisArg = undefined, ...args) {
    if (!this.hasSubscribers) return Reflect.apply(callback, thisArg, args);
    const settled = () => {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    return this.start.runStores(context, () => {
      try {
        const promise = Promise.resolve(Reflect.apply(callback, thisArg, args));
        return promise.then(
          (result) => {
            context.result = result;
            settled();
            return result;
          },
          (error) => {
            context.error = error;
            this.error.publish(context);
            settled();
            throw error;
          },
        );
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  traceCallback(callback, position = -1, context = {}, thisArg = undefined, ...args) {
    if (!this.hasSubscribers) return Reflect.apply(callback, thisArg, args);
    validateInteger(position, "position");
    const { asyncStart, asyncEnd, error: errorChannel } = this;
    const at = position < 0 ? args.length + position : position;
    const done = args[at];
    validateFunction(done, "callback");
    args.splice(at, 1, function (error, result, ...rest) {
      if (error) {
        context.error = error;
        errorChannel.publish(context);
      } else {
        context.result = result;
      }
      return asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(done, this, [error, result, ...rest]);
        } finally {
          asyncEnd.publish(context);
        }
      });
    });
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(callback, thisArg, args);
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
}

export function tracingChannel(nameOrChannels) {
  return new TracingChannel(nameOrChannels);
}

export default { Channel, TracingChannel, channel, hasSubscribers, subscribe, tracingChannel, unsubscribe };
