/** `node:worker_threads`: this is the main and only thread. */
import { MessageChannel, MessagePort } from "../message_channel.js";
import { unavailable } from "../node_support/unavailable.js";

const environment = new Map();

const { module, take } = unavailable("worker_threads", "a worker has one thread", {
  given: {
    MessageChannel,
    MessagePort,
    SHARE_ENV: Symbol.for("nodejs.worker_threads.SHARE_ENV"),
    isInternalThread: false,
    isMainThread: true,
    parentPort: null,
    resourceLimits: {},
    threadId: 0,
    workerData: null,
    getEnvironmentData: (key) => environment.get(key),
    setEnvironmentData(key, value) {
      if (value === undefined) environment.delete(key);
      else environment.set(key, value);
    },
    isMarkedAsUntransferable: () => false,
    markAsUncloneable() {},
    markAsUntransferable() {},
  },
});

export const {
  BroadcastChannel, SHARE_ENV, Worker, getEnvironmentData, isInternalThread, isMainThread, isMarkedAsUntransferable,
  markAsUncloneable, markAsUntransferable, moveMessagePortToContext, parentPort, postMessageToThread,
  receiveMessageOnPort, resourceLimits, setEnvironmentData, threadId, workerData,
} = take;
export { MessageChannel, MessagePort };
export default module;
