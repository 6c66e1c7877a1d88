/** Tee: two branches of one stream. https://streams.spec.whatwg.org/#abstract-opdef-readablestreamtee */

import { copyOf } from "./buffers.js";
import { deferred, enqueueJob, thenOf } from "./promises.js";
import { ByteControllerCore } from "./readable_byte.js";
import { DefaultControllerCore, ReadableCore, ReaderCore } from "./readable_core.js";

const noop = () => {};

/**
 * @param {ReadableCore} source
 * @param {((chunk: any) => any) | undefined} clone how the second branch gets its chunks, when it needs its own
 * @returns {[ReadableCore, ReadableCore]}
 */
export function tee(source, clone) {
  return source.isByteStream ? new ByteTee(source).cores : new DefaultTee(source, clone).cores;
}

/** What both kinds share: two branches, and a source that is cancelled when both are. */
class Tee {
  /** @param {ReadableCore} source */
  constructor(source) {
    this.source = source;
    this.reader = new ReaderCore(source, false);
    this.reading = false;
    this.canceled = deferred();
    /** @type {{core: ReadableCore, controller: any, canceled: boolean, reason: any, readAgain: boolean}[]} */
    this.branches = [this.openBranch(0), this.openBranch(1)];
    for (const [index, branch] of this.branches.entries()) {
      branch.controller.setUp(() => this.pull(index), (reason) => this.cancel(branch, reason), undefined);
    }
    this.forwardError(this.reader);
  }

  openBranch() {
    const core = new ReadableCore();
    core.expectedLength = this.source.expectedLength;
    return { core, controller: this.makeController(core), canceled: false, reason: undefined, readAgain: false };
  }

  get cores() {
    return this.branches.map((branch) => branch.core);
  }

  cancel(branch, reason) {
    branch.canceled = true;
    branch.reason = reason;
    const [first, second] = this.branches;
    if (first.canceled && second.canceled) {
      this.canceled.resolve(this.source.cancel([first.reason, second.reason]));
    }
    return this.canceled.promise;
  }

  /** An error of the source reaches both branches as soon as it is known, before chunks that wait. */
  forwardError(reader) {
    thenOf(reader.closedPromise, noop, (reason) => {
      if (reader !== this.reader) return;
      this.errorBranches(reason);
      this.resolveUnlessCanceled();
    });
  }

  errorBranches(reason) {
    for (const { controller } of this.branches) controller.error(reason);
  }

  resolveUnlessCanceled() {
    const [first, second] = this.branches;
    if (!first.canceled || !second.canceled) this.canceled.resolve();
  }

  /** A chunk cannot be cloned: nothing more can be given. */
  failClone(reason) {
    this.errorBranches(reason);
    this.canceled.resolve(this.source.cancel(reason));
  }

  startReading() {
    for (const branch of this.branches) branch.readAgain = false;
  }

  finishReading() {
    this.reading = false;
    const again = this.branches.findIndex((branch) => branch.readAgain);
    if (again >= 0) this.pull(again);
  }
}

class DefaultTee extends Tee {
  constructor(source, clone) {
    super(source);
    this.clone = clone;
    this.request = {
      // A microtask later, so that an error of the source is noticed before a chunk that was there at once.
      chunk: (value) => enqueueJob(() => this.give(value)),
      close: () => {
        this.reading = false;
        for (const branch of this.branches) if (!branch.canceled) branch.controller.close();
        this.resolveUnlessCanceled();
      },
      error: () => {
        this.reading = false;
      },
    };
  }

  makeController(core) {
    return new DefaultControllerCore(core, 1, undefined);
  }

  pull(index) {
    if (this.reading) {
      this.branches[index].readAgain = true;
      return;
    }
    this.reading = true;
    this.reader.read(this.request);
  }

  give(value) {
    this.startReading();
    const [first, second] = this.branches;
    let copy = value;
    if (!second.canceled && this.clone !== undefined) {
      try {
        copy = this.clone(value);
      } catch (error) {
        this.failClone(error);
        return;
      }
    }
    if (!first.canceled && first.controller.canCloseOrEnqueue) first.controller.enqueue(value);
    if (!second.canceled && second.controller.canCloseOrEnqueue) second.controller.enqueue(copy);
    this.finishReading();
  }
}

class ByteTee extends Tee {
  makeController(core) {
    return new ByteControllerCore(core, 0, undefined);
  }

  pull(index) {
    const branch = this.branches[index];
    if (this.reading) {
      branch.readAgain = true;
      return;
    }
    this.reading = true;
    const view = branch.controller.byobView();
    if (view === null) {
      this.switchReader(false);
      this.reader.read(this.defaultRequest());
    } else {
      this.switchReader(true);
      // The view's buffer goes to the source, and comes back with the chunk.
      this.reader.readInto(view, 1, this.byobRequest(branch, this.branches[1 - index]));
    }
  }

  switchReader(byob) {
    if (this.reader.byob === byob) return;
    this.reader.release();
    this.reader = new ReaderCore(this.source, byob);
    this.forwardError(this.reader);
  }

  defaultRequest() {
    const [first, second] = this.branches;
    return {
      chunk: (value) =>
        enqueueJob(() => {
          this.startReading();
          let copy = value;
          if (!first.canceled && !second.canceled) {
            copy = this.tryCopy(value);
            if (copy === undefined) return;
          }
          if (!first.canceled) first.controller.enqueue(value);
          if (!second.canceled) second.controller.enqueue(copy);
          this.finishReading();
        }),
      close: () => {
        this.reading = false;
        for (const branch of this.branches) if (!branch.canceled) branch.controller.close();
        for (const branch of this.branches) branch.controller.respondIfPending();
        this.resolveUnlessCanceled();
      },
      error: () => {
        this.reading = false;
      },
    };
  }

  byobRequest(byobBranch, otherBranch) {
    return {
      chunk: (view) =>
        enqueueJob(() => {
          this.startReading();
          let copy;
          if (!otherBranch.canceled) {
            copy = this.tryCopy(view);
            if (copy === undefined) return;
          }
          if (!byobBranch.canceled) byobBranch.controller.respondWithNewView(view);
          if (copy !== undefined) otherBranch.controller.enqueue(copy);
          this.finishReading();
        }),
      close: (view) => {
        this.reading = false;
        if (!byobBranch.canceled) byobBranch.controller.close();
        if (!otherBranch.canceled) otherBranch.controller.close();
        if (view !== undefined) {
          if (!byobBranch.canceled) byobBranch.controller.respondWithNewView(view);
          if (!otherBranch.canceled) otherBranch.controller.respondIfPending();
        }
        this.resolveUnlessCanceled();
      },
      error: () => {
        this.reading = false;
      },
    };
  }

  tryCopy(view) {
    try {
      return copyOf(view);
    } catch (error) {
      this.failClone(error);
      return undefined;
    }
  }
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(Tee.prototype, null);
