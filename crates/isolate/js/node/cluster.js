/** `node:cluster`: it links, and says that a worker cannot start processes. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("cluster", "a worker cannot start processes", {
  given: { isMaster: true, isPrimary: true, isWorker: false, SCHED_NONE: 1, SCHED_RR: 2, schedulingPolicy: 2, settings: {}, workers: {} },
});

export const {
  Cluster, SCHED_NONE, SCHED_RR, Worker, disconnect, fork, isMaster, isPrimary, isWorker, schedulingPolicy, settings,
  setupMaster, setupPrimary, workers,
} = take;
export default module;
