// From a target and a path to what a caller may have of it.

const TARGET_RESERVED = new Set(["dup", "constructor"]);
const ENTRYPOINT_RESERVED = new Set([
  "fetch", "connect", "alarm", "webSocketMessage", "webSocketClose", "webSocketError", "dup", "constructor",
]);

const reserved = (name) => new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`);
/** @param {string} name */
const missing = (name) => new TypeError(`The RPC receiver does not implement the method "${name}".`);

/**
 * @typedef {object} Found
 * @property {unknown} value
 * @property {unknown} receiver what it is a property of
 */

/**
 * Walks along a path. Of a plain object its own properties count, of anything else what its class says.
 * @param {{ target: object, ownProperties: boolean, isEntrypoint?: boolean }} from
 * @param {string[]} path
 * @param {(value: unknown) => string | undefined} kindOf
 * @param {(value: unknown) => boolean} isStub
 * @returns {Found}
 */
export function lookup({ target, ownProperties, isEntrypoint = false }, path, kindOf, isStub) {
  const refused = isEntrypoint ? ENTRYPOINT_RESERVED : TARGET_RESERVED;
  let value = target;
  let receiver = undefined;
  let own = ownProperties;
  for (let index = 0; index < path.length; index += 1) {
    const name = path[index];
    if (refused.has(name)) throw reserved(name);
    if (index > 0) {
      if (isStub(value)) {
        receiver = value;
        value = value[name];
        continue;
      }
      const kind = kindOf(value);
      if (kind === undefined) throw missing(path[index - 1]);
      own = kind === "plain";
    }
    receiver = value;
    value = own ? ownProperty(value, name) : methodOf(value, name, refused);
  }
  return { value, receiver };
}

function ownProperty(object, name) {
  if (!Object.hasOwn(object, name)) throw missing(name);
  return object[name];
}

/** What a class gives its instances, as far as callers may have it. */
export function methodOf(object, name, refused = ENTRYPOINT_RESERVED) {
  if (refused.has(name)) throw reserved(name);
  // What an instance itself has is private, and what every object has is nobody's method.
  if (Object.hasOwn(object, name)) throw missing(name);
  const value = object[name];
  if (value === undefined ? !(name in object) : value === Object.prototype[name]) throw missing(name);
  return value;
}
