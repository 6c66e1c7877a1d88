// Fetch events: from what the host sends to a handler, and from its Response to what the host gets.

import { ANSWERED, answerText, NO_RESPONSE } from "atoll:native/moulds";
import { plainThen, set } from "./async_context.js";
import { bodyFromWire, setBodySource } from "./body.js";
import { begin } from "./event_context.js";
import { callHandler, isNoHandler } from "./exports.js";
import { requestBody } from "./io.js";
import { answerWith } from "./response.js";

/** Called for each request in its event, with what was made for it: see the moulds. */
export function fetchEvent(event, request, ctx, entrypoint, bodyKind, bodyValue, bodyLength, props) {
  begin(event);
  let result;
  try {
    if (props !== undefined) event.props = props;
    if (bodyKind !== 0) setBodySource(request, bodyFromWire(requestBody(bodyKind, bodyValue, bodyLength)));
    result = callHandler(entrypoint, "fetch", request, ctx);
  } catch (error) {
    event.fail(error, isNoHandler(error) ? "nohandler" : undefined);
    return;
  }
  const outcome = answerText(result, event.id);
  if (outcome === ANSWERED) {
    event.succeed();
  } else if (outcome === NO_RESPONSE) {
    plainThen(
      Promise.resolve(result),
      (response) => answer(event, response),
      (error) => event.fail(error),
    );
  } else {
    answer(event, result);
  }
}

/** Sends what a handler resolved to. */
export function answer(event, response) {
  // What the response still needs belongs to its event.
  set(event.context);
  try {
    if (answerText(response, event.id) !== ANSWERED) answerWith(response, event.id);
  } catch (error) {
    event.fail(error);
    return;
  }
  event.succeed();
}
