// Fetch events: from what the host sends to a handler, and from its Response to what the host gets.

import { plainThen, set } from "./async_context.js";
import { EventContext } from "./event_context.js";
import { ExecutionContext } from "./execution_context.js";
import { callHandler, isNoHandler } from "./exports.js";
import { requestBody } from "./io.js";
import { incomingRequest } from "./request.js";
import { answerWith, isResponse } from "./response.js";

/** Called for each request, with its parts as the event loop has them. */
export function fetchEvent(id, entrypoint, method, url, headers, bodyKind, bodyValue, bodyLength, cf, websocket, props) {
  const event = new EventContext(id);
  set(event.context);
  let result;
  try {
    const body = bodyKind === 0 ? null : requestBody(bodyKind, bodyValue, bodyLength);
    const request = incomingRequest(method, url, headers, body, cf, event);
    result = callHandler(entrypoint, "fetch", request, new ExecutionContext(event, props));
  } catch (error) {
    event.fail(error, isNoHandler(error) ? "nohandler" : undefined);
    return;
  }
  if (isResponse(result)) {
    answer(event, result);
  } else {
    plainThen(
      Promise.resolve(result),
      (response) => answer(event, response),
      (error) => event.fail(error),
    );
  }
}

/** Sends what a handler resolved to. */
export function answer(event, response) {
  // What the response still needs belongs to its event.
  set(event.context);
  try {
    answerWith(response, event.id);
  } catch (error) {
    event.fail(error);
    return;
  }
  event.succeed();
}
