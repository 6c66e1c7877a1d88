/** ReadableStream.from: a stream of what an iterable gives. https://streams.spec.whatwg.org/#rs-from */

import { get, run } from "../async_context.js";
import { isObject, resolvedWith, thenOf } from "./promises.js";
import { DefaultControllerCore, ReadableCore } from "./readable_core.js";

const { apply } = Reflect;

function methodOf(object, key) {
  const method = object[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== "function") throw new TypeError(`${String(key)} is not a function`);
  return method;
}

/** An iterator's answer, or a promise of one; a sync iterator's value may be a promise itself. */
function openIterator(iterable) {
  const asynchronous = methodOf(iterable, Symbol.asyncIterator);
  const open = asynchronous ?? methodOf(iterable, Symbol.iterator);
  if (open === undefined) throw new TypeError("ReadableStream.from(): parameter 1 is neither async iterable nor iterable.");
  const iterator = apply(open, iterable, []);
  if (!isObject(iterator)) throw new TypeError("The iterator of ReadableStream.from() is not an object.");
  return { iterator, next: iterator.next, asynchronous: asynchronous !== undefined };
}

function checked(result, method) {
  if (!isObject(result)) throw new TypeError(`The result of an iterator's ${method}() must be an object.`);
  return result;
}

/** @returns {ReadableCore} */
export function readableFrom(iterable) {
  if (!isObject(iterable) && typeof iterable !== "string") {
    throw new TypeError("Failed to execute 'from' on 'ReadableStream': parameter 1 is not iterable.");
  }
  const { iterator, next, asynchronous } = openIterator(iterable);
  const context = get();
  const core = new ReadableCore();
  const controller = new DefaultControllerCore(core, 0, undefined);
  const closeSync = () => {
    try {
      const close = methodOf(iterator, "return");
      if (close !== undefined) apply(close, iterator, []);
    } catch {
      // The rejected value is the error that counts.
    }
  };

  const give = (value) => {
    if (controller.canCloseOrEnqueue) controller.enqueue(value);
  };
  const take = (result) => {
    if (checked(result, "next").done) controller.close();
    else if (asynchronous) give(result.value);
    else {
      return thenOf(resolvedWith(result.value), give, (reason) => {
        closeSync();
        throw reason;
      });
    }
    return undefined;
  };
  const pull = () => {
    const result = run(context, apply, next, iterator, []);
    return asynchronous ? thenOf(resolvedWith(result), take) : take(result);
  };
  const cancel = (reason) => {
    const close = methodOf(iterator, "return");
    if (close === undefined) return undefined;
    const result = run(context, apply, close, iterator, [reason]);
    if (!asynchronous) {
      // A sync iterator's return() may give a promise as its value: cancelling waits for it.
      return thenOf(resolvedWith(checked(result, "return").value), () => undefined);
    }
    return thenOf(resolvedWith(result), (answer) => {
      checked(answer, "return");
    });
  };
  controller.setUp(pull, cancel, undefined);
  return core;
}
