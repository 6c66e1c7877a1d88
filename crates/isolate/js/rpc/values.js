// Values of the Workers API that travel with a stream or a function beside them.

import { AbortController, addAbortAlgorithm, isAbortSignal } from "../abort.js";
import { bodyToWire } from "../body.js";
import { Headers } from "../headers.js";
import { longBody } from "../io.js";
import { isRequest, Request, requestSignal } from "../request.js";
import { isResponse, Response } from "../response.js";
import { WritableStream } from "../streams/index.js";
import { dataCloneError } from "../structured_clone.js";

const STREAM = 2;
const FORWARD = 3;

const NULL_BODY = new Set([101, 204, 205, 304]);

/** A stream that goes with a value: one of this isolate's, or one of the host's that is passed on. */
export const referenceTo = ({ forward, stream, length }) =>
  forward === undefined ? [STREAM, stream, length ?? -1] : [FORWARD, forward];

/** A body as a value: null, text, bytes, or the stream that it is. */
function writeBody(owner, sending) {
  const body = longBody(bodyToWire(owner));
  if (body === null || body === undefined) return null;
  if (typeof body === "string" || body instanceof Uint8Array) return { whole: body };
  return { stream: sending.refer(referenceTo(body)) };
}

function readBody(body, receiving) {
  if (body === null) return null;
  return body.whole ?? receiving.stream(body.stream);
}

/** @param {object} value @param {import("./parcels.js").Sending} sending */
export function writeExtra(value, sending) {
  if (isResponse(value)) {
    if (value.webSocket) throw dataCloneError("A Response with a WebSocket can only be returned from fetch().");
    const { status, statusText } = value;
    return ["Response", { status, statusText, headers: [...value.headers], body: writeBody(value, sending) }];
  }
  if (isRequest(value)) {
    const { method, url, redirect, cf } = value;
    const signal = requestSignal(value);
    return [
      "Request",
      {
        method, url, redirect,
        cf: cf === undefined ? undefined : JSON.stringify(cf),
        headers: [...value.headers],
        body: writeBody(value, sending),
        signal: signal === undefined || signal === null ? undefined : writeSignal(signal, sending),
      },
    ];
  }
  if (isAbortSignal(value)) return ["AbortSignal", writeSignal(value, sending)];
  return undefined;
}

function writeSignal(signal, sending) {
  if (signal.aborted) return { aborted: true, reason: signal.reason };
  const subscribe = (abort) => {
    const held = abort.dup();
    const tell = () => void held(signal.reason).catch(() => {});
    // It may have been aborted before the other side asked to be told.
    if (signal.aborted) tell();
    else addAbortAlgorithm(signal, tell);
  };
  return { aborted: false, index: sending.export(subscribe) };
}

function readSignal({ aborted, reason, index }, receiving) {
  const controller = new AbortController();
  if (aborted) controller.abort(reason);
  else {
    const subscribe = receiving.stub(index);
    // The callback keeps what it was given to: neither goes before the event is over.
    const abort = (said) => {
      void subscribe;
      controller.abort(said);
    };
    subscribe(abort).catch(() => {});
  }
  return controller.signal;
}

export function reviveExtra(name, payload, receiving) {
  switch (name) {
    case "Response": {
      const { status, statusText, headers, body } = payload;
      const init = { status, statusText, headers: new Headers(headers) };
      return new Response(NULL_BODY.has(status) ? null : readBody(body, receiving), init);
    }
    case "Request": {
      const { method, url, redirect, headers, body, signal, cf } = payload;
      return new Request(url, {
        method, redirect,
        headers: new Headers(headers),
        body: readBody(body, receiving),
        cf: cf === undefined ? undefined : JSON.parse(cf),
        signal: signal === undefined ? undefined : readSignal(signal, receiving),
      });
    }
    case "AbortSignal":
      return readSignal(payload, receiving);
    default:
      return undefined;
  }
}

/** What the other side calls to write to a stream here. @param {WritableStream} stream */
export function writableTo(stream) {
  const writer = stream.getWriter();
  return {
    write: (chunk) => writer.write(chunk),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  };
}

export const EXTRAS = {
  /** A stream whose other end is far away. */
  writable(source, stub) {
    return new WritableStream({
      async write(chunk) {
        await source.invoke(["write"], [chunk]);
      },
      async close() {
        await source.invoke(["close"], []);
        stub[Symbol.dispose]();
      },
      async abort(reason) {
        await source.invoke(["abort"], [reason]);
        stub[Symbol.dispose]();
      },
    });
  },
};
