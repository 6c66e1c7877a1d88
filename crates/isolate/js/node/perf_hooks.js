/** `node:perf_hooks`: the global `performance`, its entries, and what can be answered without measuring. */
import {
  Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver,
  PerformanceObserverEntryList,
} from "../performance.js";
import { validateFunction } from "../node_support/validators.js";
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("perf_hooks", "time stands still while a worker's code runs", {
  given: {
    Performance,
    PerformanceEntry,
    PerformanceMark,
    PerformanceMeasure,
    PerformanceObserver,
    PerformanceObserverEntryList,
    constants: {},
    eventLoopUtilization: () => performance.eventLoopUtilization(),
    performance,
    timerify(callback) {
      validateFunction(callback, "fn");
      return callback;
    },
  },
});

export const {
  PerformanceResourceTiming, constants, createHistogram, eventLoopUtilization, monitorEventLoopDelay, timerify,
} = take;
export { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList };
export default module;
