/**
 * The controller of readable byte streams: a queue of bytes, and the buffers that readers lent to be filled.
 * https://streams.spec.whatwg.org/#rbs-controller-class
 */

import { intrinsicConstructor } from "./buffers.js";
import { CLOSED, DefaultControllerCore, READABLE } from "./readable_core.js";

/** Who waits for a pull-into descriptor: a BYOB reader, a default reader, or nobody since the reader let go. */
const BYOB = 0;
const DEFAULT = 1;
const NOBODY = 2;

const INSUFFICIENT = "Insufficient bytes to fill elements in the given buffer.";

export class ByteControllerCore extends DefaultControllerCore {
  /** Tells a public BYOB request that it is over; set by the module of that class. @type {(request: object) => void} */
  static invalidate;

  /**
   * @param {import("./readable_core.js").ReadableCore} stream
   * @param {number | undefined} autoAllocateChunkSize
   */
  constructor(stream, highWaterMark, autoAllocateChunkSize) {
    super(stream, highWaterMark, undefined);
    this.autoAllocateChunkSize = autoAllocateChunkSize;
    this.pendingPullIntos = [];
    /** The public BYOB request in use, told when it stops being valid. */
    this.byobRequest = undefined;
  }

  get isByteController() {
    return true;
  }

  /** The part of the first lent buffer that is still to be filled. @returns {Uint8Array | null} */
  byobView() {
    const first = this.pendingPullIntos[0];
    if (first === undefined) return null;
    return new Uint8Array(first.buffer, first.byteOffset + first.bytesFilled, first.byteLength - first.bytesFilled);
  }

  invalidateByobRequest() {
    if (this.byobRequest === undefined) return;
    ByteControllerCore.invalidate(this.byobRequest);
    this.byobRequest = undefined;
  }

  clearPendingPullIntos() {
    this.invalidateByobRequest();
    this.pendingPullIntos = [];
  }

  /** ReadableByteStreamControllerClose */
  close() {
    if (!this.canCloseOrEnqueue) return;
    if (this.totalSize > 0) {
      this.closeRequested = true;
      return;
    }
    const first = this.pendingPullIntos[0];
    if (first !== undefined && first.bytesFilled % first.elementSize !== 0) {
      const error = new TypeError(INSUFFICIENT);
      this.error(error);
      throw error;
    }
    this.clearAlgorithms();
    this.stream.close();
  }

  /** ReadableByteStreamControllerError */
  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.clearPendingPullIntos();
    super.error(reason);
  }

  cancelSteps(reason) {
    this.clearPendingPullIntos();
    return super.cancelSteps(reason);
  }

  releaseSteps() {
    const first = this.pendingPullIntos[0];
    if (first === undefined) return;
    first.readerType = NOBODY;
    this.pendingPullIntos = [first];
  }

  /** ReadableByteStreamControllerEnqueue: takes the chunk's buffer away from the caller. @param {ArrayBufferView} chunk */
  enqueue(chunk) {
    if (!this.canCloseOrEnqueue) return;
    const { buffer, byteOffset, byteLength } = chunk;
    if (buffer.detached) throw new TypeError("The chunk's buffer is detached and so cannot be enqueued.");
    this.enqueueOwned(new Uint8Array(buffer.transfer(), byteOffset, byteLength));
  }

  /** Like `enqueue`, for bytes that nobody else can reach: their buffer is not transferred. @param {Uint8Array} bytes */
  enqueueOwned(bytes) {
    if (!this.canCloseOrEnqueue) return;
    const first = this.pendingPullIntos[0];
    if (first !== undefined) {
      if (first.buffer.detached) {
        throw new TypeError("The BYOB request's buffer has been detached and so cannot be filled with an enqueued chunk.");
      }
      this.invalidateByobRequest();
      first.buffer = first.buffer.transfer();
      if (first.readerType === NOBODY) this.enqueueAbandoned(first);
    }
    const { reader } = this.stream;
    if (reader === undefined) {
      this.push(bytes);
    } else if (reader.byob) {
      this.push(bytes);
      this.commitFilled();
    } else {
      while (reader.requests.length > 0 && this.totalSize > 0) {
        this.fillReadRequest(reader.requests.shift());
      }
      if (reader.requests.length === 0) {
        this.push(bytes);
      } else {
        this.pendingPullIntos.shift();
        reader.requests.shift().chunk(bytes);
      }
    }
    this.callPullIfNeeded();
  }

  push(bytes) {
    this.queue.push(bytes);
    this.totalSize += bytes.byteLength;
  }

  /** Copies part of a buffer into the queue. */
  pushCopy(buffer, byteOffset, byteLength) {
    let copy;
    try {
      copy = new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength));
    } catch (error) {
      this.error(error);
      throw error;
    }
    this.push(copy);
  }

  /** Keeps what a source wrote into a buffer whose reader let go. */
  enqueueAbandoned(descriptor) {
    if (descriptor.bytesFilled > 0) {
      this.pushCopy(descriptor.buffer, descriptor.byteOffset, descriptor.bytesFilled);
    }
    this.pendingPullIntos.shift();
  }

  handleQueueDrain() {
    if (this.totalSize === 0 && this.closeRequested) {
      this.clearAlgorithms();
      this.stream.close();
    } else {
      this.callPullIfNeeded();
    }
  }

  fillReadRequest(request) {
    const bytes = this.queue.shift();
    this.totalSize -= bytes.byteLength;
    this.handleQueueDrain();
    request.chunk(bytes);
  }

  pullSteps(request) {
    if (this.totalSize > 0) {
      this.fillReadRequest(request);
      return;
    }
    const size = this.autoAllocateChunkSize;
    if (size !== undefined) {
      let buffer;
      try {
        buffer = new ArrayBuffer(size);
      } catch (error) {
        request.error(error);
        return;
      }
      this.pendingPullIntos.push(descriptorOf(buffer, 0, size, 1, 1, Uint8Array, DEFAULT));
    }
    this.stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  /**
   * ReadableByteStreamControllerPullInto
   * @param {ArrayBufferView} view lent by the reader; its buffer is transferred
   * @param {number} minimum elements to fill before answering
   */
  pullInto(view, minimum, request) {
    const constructor = intrinsicConstructor(view);
    const elementSize = constructor === DataView ? 1 : constructor.BYTES_PER_ELEMENT;
    const { byteOffset, byteLength } = view;
    let buffer;
    try {
      buffer = view.buffer.transfer();
    } catch (error) {
      request.error(error);
      return;
    }
    const { stream } = this;
    const descriptor = descriptorOf(buffer, byteOffset, byteLength, minimum * elementSize, elementSize, constructor, BYOB);
    if (this.pendingPullIntos.length > 0) {
      this.pendingPullIntos.push(descriptor);
      stream.reader.requests.push(request);
      return;
    }
    if (stream.state === CLOSED) {
      request.close(new constructor(buffer, byteOffset, 0));
      return;
    }
    if (this.totalSize > 0) {
      if (this.fillFromQueue(descriptor)) {
        const view = viewOf(descriptor);
        this.handleQueueDrain();
        request.chunk(view);
        return;
      }
      if (this.closeRequested) {
        if (request.takesLess && descriptor.bytesFilled % elementSize === 0) {
          this.handleQueueDrain();
          request.chunk(viewOf(descriptor));
          return;
        }
        const error = new TypeError(INSUFFICIENT);
        this.error(error);
        request.error(error);
        return;
      }
    }
    this.pendingPullIntos.push(descriptor);
    stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  /** Moves queued bytes into a descriptor; true once its minimum is reached. */
  fillFromQueue(descriptor) {
    const wanted = Math.min(this.totalSize, descriptor.byteLength - descriptor.bytesFilled);
    const reachable = descriptor.bytesFilled + wanted;
    const aligned = reachable - (reachable % descriptor.elementSize);
    const ready = aligned >= descriptor.minimumFill;
    let left = ready ? aligned - descriptor.bytesFilled : wanted;
    const target = new Uint8Array(descriptor.buffer);
    while (left > 0) {
      const head = this.queue.peek();
      const start = descriptor.byteOffset + descriptor.bytesFilled;
      const taken = Math.min(left, head.byteLength);
      if (taken === head.byteLength) {
        target.set(head, start);
        this.queue.shift();
      } else {
        target.set(head.subarray(0, taken), start);
        this.queue.replaceHead(head.subarray(taken));
      }
      this.totalSize -= taken;
      descriptor.bytesFilled += taken;
      left -= taken;
    }
    return ready;
  }

  /** Fills what can be filled from the queue, and only then answers: an answer may run user code. */
  commitFilled(first) {
    const filled = first === undefined ? [] : [first];
    while (this.pendingPullIntos.length > 0 && this.totalSize > 0) {
      const descriptor = this.pendingPullIntos[0];
      if (this.fillFromQueue(descriptor)) {
        this.pendingPullIntos.shift();
        filled.push(descriptor);
      }
    }
    for (const descriptor of filled) this.commit(descriptor);
  }

  commit(descriptor) {
    const { stream } = this;
    const view = viewOf(descriptor);
    const request = stream.reader.requests.shift();
    if (stream.state === CLOSED) request.close(view);
    else request.chunk(view);
  }

  /** ReadableByteStreamControllerRespond */
  respond(bytesWritten) {
    const first = this.pendingPullIntos[0];
    if (this.stream.state === CLOSED) {
      if (bytesWritten !== 0) {
        throw new TypeError("bytesWritten must be 0 when calling respond() on a closed stream.");
      }
    } else {
      if (bytesWritten === 0) {
        throw new TypeError("bytesWritten must be greater than 0 when calling respond() on a readable stream.");
      }
      if (first.bytesFilled + bytesWritten > first.byteLength) {
        throw new RangeError("bytesWritten is greater than the size of the BYOB request's view.");
      }
    }
    first.buffer = first.buffer.transfer();
    this.respondToFirst(bytesWritten);
  }

  /** ReadableByteStreamControllerRespondWithNewView */
  respondWithNewView(view) {
    const first = this.pendingPullIntos[0];
    const { byteLength } = view;
    if (this.stream.state === CLOSED) {
      if (byteLength !== 0) {
        throw new TypeError("The view's length must be 0 when calling respondWithNewView() on a closed stream.");
      }
    } else if (byteLength === 0) {
      throw new TypeError("The view's length must be greater than 0 when calling respondWithNewView() on a readable stream.");
    }
    if (first.byteOffset + first.bytesFilled !== view.byteOffset) {
      throw new RangeError("The region specified by the view does not match the BYOB request.");
    }
    if (first.bufferByteLength !== view.buffer.byteLength) {
      throw new RangeError("The buffer of the view has a different capacity than the BYOB request's.");
    }
    if (first.bytesFilled + byteLength > first.byteLength) {
      throw new RangeError("The region specified by the view is larger than the BYOB request.");
    }
    first.buffer = view.buffer.transfer();
    this.respondToFirst(byteLength);
  }

  respondToFirst(bytesWritten) {
    const first = this.pendingPullIntos[0];
    this.invalidateByobRequest();
    if (this.stream.state === CLOSED) this.respondInClosedState(first);
    else this.respondInReadableState(first, bytesWritten);
    this.callPullIfNeeded();
  }

  respondInClosedState(first) {
    if (first.readerType === NOBODY) this.pendingPullIntos.shift();
    const { reader } = this.stream;
    if (reader === undefined || !reader.byob) return;
    const filled = this.pendingPullIntos.splice(0, reader.requests.length);
    for (const descriptor of filled) this.commit(descriptor);
  }

  respondInReadableState(first, bytesWritten) {
    first.bytesFilled += bytesWritten;
    if (first.readerType === NOBODY) {
      this.enqueueAbandoned(first);
      this.commitFilled();
      return;
    }
    // A read with a minimum stays at the head until the source has given enough.
    if (first.bytesFilled < first.minimumFill) return;
    this.pendingPullIntos.shift();
    const remainder = first.bytesFilled % first.elementSize;
    if (remainder > 0) {
      this.pushCopy(first.buffer, first.byteOffset + first.bytesFilled - remainder, remainder);
      first.bytesFilled -= remainder;
    }
    this.commitFilled(first);
  }

  /** Ends a pull with no bytes when the stream was closed under a pending BYOB read. */
  respondIfPending() {
    if (this.pendingPullIntos.length > 0) this.respond(0);
  }
}

function descriptorOf(buffer, byteOffset, byteLength, minimumFill, elementSize, viewConstructor, readerType) {
  return {
    buffer,
    bufferByteLength: buffer.byteLength,
    byteOffset,
    byteLength,
    bytesFilled: 0,
    minimumFill,
    elementSize,
    viewConstructor,
    readerType,
  };
}

/** ReadableByteStreamControllerConvertPullIntoDescriptor */
function viewOf(descriptor) {
  const { bytesFilled, elementSize, viewConstructor } = descriptor;
  return new viewConstructor(descriptor.buffer.transfer(), descriptor.byteOffset, bytesFilled / elementSize);
}
