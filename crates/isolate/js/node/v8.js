/** `node:v8`: the engine is another one, so figures are zero and its own functions say so. */
import { unavailable } from "../node_support/unavailable.js";

const ZEROES = [
  "total_heap_size", "total_heap_size_executable", "total_physical_size", "total_available_size", "used_heap_size",
  "heap_size_limit", "malloced_memory", "peak_malloced_memory", "does_zap_garbage", "number_of_native_contexts",
  "number_of_detached_contexts", "total_global_handles_size", "used_global_handles_size", "external_memory",
];
const NO_ENGINE = "the engine is not V8";

const { module, take } = unavailable("v8", NO_ENGINE, {
  given: {
    cachedDataVersionTag: () => 0,
    getHeapStatistics: () => Object.fromEntries(ZEROES.map((name) => [name, 0])),
    getHeapSpaceStatistics: () => [],
    getHeapCodeStatistics: () => ({
      code_and_metadata_size: 0, bytecode_and_metadata_size: 0, external_script_source_size: 0, cpu_profiler_metadata_size: 0,
    }),
    setFlagsFromString() {},
    promiseHooks: {},
    startupSnapshot: { isBuildingSnapshot: () => false },
  },
});

export const {
  DefaultDeserializer, DefaultSerializer, Deserializer, GCProfiler, Serializer, cachedDataVersionTag, deserialize,
  getCppHeapStatistics, getHeapCodeStatistics, getHeapSnapshot, getHeapSpaceStatistics, getHeapStatistics,
  isStringOneByteRepresentation, promiseHooks, queryObjects, serialize, setFlagsFromString, setHeapSnapshotNearHeapLimit,
  startupSnapshot, stopCoverage, takeCoverage, writeHeapSnapshot,
} = take;
export default module;
