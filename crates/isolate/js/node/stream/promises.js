/** `node:stream/promises`. */
import { finishedPromise as finished } from "../../node_support/stream/end_of_stream.js";
import { pipelinePromise as pipeline } from "../../node_support/stream/pipeline.js";

export { finished, pipeline };
export default { finished, pipeline };
