// Fetch events: from a wire request to a handler, and from its Response to a wire response.

import { set } from "./async_context.js";
import { AbortController } from "./abort.js";
import { EventContext } from "./event_context.js";
import { ExecutionContext } from "./execution_context.js";
import { findHandler, isNoHandler } from "./exports.js";
import { respond, wireBody } from "./io.js";
import { requestFromWire } from "./request.js";
import { isResponse, responseToWire } from "./response.js";

/** The Fetch standard's word for a caller that went away. */
const GONE = "The client has disconnected.";

/** Called for each request, with its parts as the event loop has them. */
export function fetchEvent(id, entrypoint, method, url, headers, bodyKind, bodyValue, bodyLength, cf, websocket) {
  const event = new EventContext(id);
  set(event.context);
  let result;
  try {
    const body = wireBody(bodyKind, bodyValue, bodyLength);
    const wire = { method, url, headers, body, cf: cf ?? undefined, redirect: "manual", websocket };
    const request = requestFromWire(wire, () => cancelSignal(event));
    result = findHandler(entrypoint, "fetch", new ExecutionContext(event))(request);
  } catch (error) {
    event.fail(error, isNoHandler(error) ? "nohandler" : undefined);
    return;
  }
  if (isResponse(result)) {
    answer(event, result);
  } else {
    Promise.resolve(result).then(
      (response) => answer(event, response),
      (error) => event.fail(error),
    );
  }
}

export function cancelSignal(event) {
  const controller = new AbortController();
  const abort = () => controller.abort(new DOMException(GONE, "AbortError"));
  if (event.canceled) abort();
  else event.onCancel(abort);
  return controller.signal;
}

/** Sends what a handler resolved to. */
export function answer(event, response) {
  // What the response still needs belongs to its event.
  set(event.context);
  try {
    if (!isResponse(response)) {
      throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
    }
    respond(event.id, responseToWire(response));
  } catch (error) {
    event.fail(error);
    return;
  }
  event.succeed();
}
