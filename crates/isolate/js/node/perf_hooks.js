/** `node:perf_hooks`: the global `performance`, and what can be answered without measuring. */
import { Performance, performance } from "../performance.js";
import { validateFunction } from "../node_support/validators.js";
import { unavailable } from "../node_support/unavailable.js";

/** Time stands still while code runs, so there is nothing to observe between two events. */
export class PerformanceObserver {
  static supportedEntryTypes = [];
  constructor(callback) {
    validateFunction(callback, "callback");
  }
  observe() {}
  disconnect() {}
  takeRecords() {
    return [];
  }
}

const { module, take } = unavailable("perf_hooks", "time stands still while a worker's code runs", {
  given: {
    Performance,
    PerformanceObserver,
    constants: {},
    eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
    performance,
    timerify(callback) {
      validateFunction(callback, "fn");
      return callback;
    },
  },
});

export const {
  PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserverEntryList, PerformanceResourceTiming,
  constants, createHistogram, eventLoopUtilization, monitorEventLoopDelay, timerify,
} = take;
export { Performance, performance };
export default module;
