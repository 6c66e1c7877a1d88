/**
 * ReadableStreamDefaultController, ReadableByteStreamController and ReadableStreamBYOBRequest: what an underlying
 * source is handed. https://streams.spec.whatwg.org/#rs-default-controller-class
 */

import { defineInterface, illegal, illegalConstructor, requireArguments, toUnsignedLongLong } from "../webidl.js";
import { isSharedArrayBuffer } from "./buffers.js";
import { ByteControllerCore } from "./readable_byte.js";
import { DefaultControllerCore } from "./readable_core.js";

/** @type {(request: ReadableStreamBYOBRequest) => void} */
let invalidateByobRequest;

/** @param {DefaultControllerCore} core */
function checkClosable(core) {
  if (core.canCloseOrEnqueue) return;
  throw new TypeError(
    core.closeRequested ? "The stream is already closing." : "The stream is not in a state that permits close.",
  );
}

export class ReadableStreamDefaultController {
  #core;

  constructor(core = undefined) {
    if (!(core instanceof DefaultControllerCore)) throw illegalConstructor();
    this.#core = core;
  }

  get desiredSize() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.desiredSize;
  }

  close() {
    if (this === undefined || !(#core in this)) throw illegal();
    checkClosable(this.#core);
    this.#core.close();
  }

  enqueue(chunk = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    const core = this.#core;
    if (!core.canCloseOrEnqueue) throw new TypeError("Unable to enqueue");
    core.enqueue(chunk);
  }

  error(reason = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.error(reason);
  }
}
defineInterface(ReadableStreamDefaultController);

export class ReadableByteStreamController {
  /** @type {ByteControllerCore} */
  #core;

  constructor(core = undefined) {
    if (!(core instanceof ByteControllerCore)) throw illegalConstructor();
    this.#core = core;
  }

  get byobRequest() {
    if (this === undefined || !(#core in this)) throw illegal();
    const core = this.#core;
    if (core.byobRequest === undefined && core.pendingPullIntos.length > 0) {
      core.byobRequest = new ReadableStreamBYOBRequest(core);
    }
    return core.byobRequest ?? null;
  }

  get desiredSize() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.desiredSize;
  }

  close() {
    if (this === undefined || !(#core in this)) throw illegal();
    checkClosable(this.#core);
    this.#core.close();
  }

  enqueue(chunk) {
    if (this === undefined || !(#core in this)) throw illegal();
    requireArguments(arguments.length, 1, "'enqueue' on 'ReadableByteStreamController'", "BufferSource");
    checkView(chunk, "enqueue", "ReadableByteStreamController");
    if (chunk.byteLength === 0) throw new TypeError("Cannot enqueue a zero-length ArrayBuffer.");
    const core = this.#core;
    if (!core.canCloseOrEnqueue) {
      throw new TypeError("This ReadableByteStreamController is closed.");
    }
    core.enqueue(chunk);
  }

  error(reason = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.error(reason);
  }
}
defineInterface(ReadableByteStreamController);

export class ReadableStreamBYOBRequest {
  /** @type {ByteControllerCore | undefined} undefined once invalidated */
  #core;
  #view = null;

  constructor(core = undefined) {
    if (!(core instanceof ByteControllerCore)) throw illegalConstructor();
    this.#core = core;
    this.#view = core.byobView();
    core.byobRequest = this;
  }

  static {
    invalidateByobRequest = (request) => {
      request.#core = undefined;
      request.#view = null;
    };
  }

  get view() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#view;
  }

  /** How many elements the reader wants at least (a Workers addition). */
  get atLeast() {
    if (this === undefined || !(#core in this)) throw illegal();
    const first = this.#core?.pendingPullIntos[0];
    return first === undefined ? null : Math.max(first.minimumFill - first.bytesFilled, 1);
  }

  respond(bytesWritten) {
    if (this === undefined || !(#core in this)) throw illegal();
    requireArguments(arguments.length, 1, "'respond' on 'ReadableStreamBYOBRequest'");
    const count = toUnsignedLongLong(bytesWritten, { enforceRange: true });
    const core = this.#core;
    if (core === undefined) throw new TypeError("This ReadableStreamBYOBRequest has been invalidated.");
    if (this.#view.buffer.detached) {
      throw new TypeError("The BYOB request's buffer has been detached and so cannot be used as a response.");
    }
    core.respond(count);
  }

  respondWithNewView(view) {
    if (this === undefined || !(#core in this)) throw illegal();
    requireArguments(arguments.length, 1, "'respondWithNewView' on 'ReadableStreamBYOBRequest'");
    checkView(view, "respondWithNewView", "ReadableStreamBYOBRequest");
    const core = this.#core;
    if (core === undefined) throw new TypeError("This ReadableStreamBYOBRequest has been invalidated.");
    if (view.buffer.detached) {
      throw new TypeError("The view's buffer has been detached and so cannot be used as a response.");
    }
    core.respondWithNewView(view);
  }
}
defineInterface(ReadableStreamBYOBRequest);
ByteControllerCore.invalidate = invalidateByobRequest;

function checkView(view, method, name) {
  if (!ArrayBuffer.isView(view) || isSharedArrayBuffer(view.buffer)) {
    throw new TypeError(`Failed to execute '${method}' on '${name}': parameter 1 is not of type 'ArrayBufferView'.`);
  }
}
