// The classes of Durable Objects that keep what bindings store.

export { Bucket } from "./bucket.js";
export { KeyValues } from "./key_values.js";

export default {};
