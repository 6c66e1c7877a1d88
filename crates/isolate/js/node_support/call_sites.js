/**
 * The engine's call sites, as `Error.prepareStackTrace` gets them, have only some of the methods that V8's have.
 * Packages that look at their callers use the others without asking.
 */
const previous = Error.prepareStackTrace;
const holder = {};
Error.prepareStackTrace = (_, sites) => sites;
Error.captureStackTrace(holder);
const [site] = holder.stack;
// An accessor: only setting it again reaches what the engine keeps.
Error.prepareStackTrace = previous;

const missing = {
  getFunction: () => undefined,
  getEvalOrigin: () => undefined,
  getMethodName: () => null,
  getPromiseIndex: () => null,
  getScriptNameOrSourceURL() {
    return this.getFileName();
  },
  getThis: () => undefined,
  getTypeName: () => null,
  isAsync: () => false,
  isEval: () => false,
  isPromiseAll: () => false,
  isToplevel: () => true,
  toString() {
    const place = this.isNative() ? "native" : `${this.getFileName()}:${this.getLineNumber()}:${this.getColumnNumber()}`;
    const name = this.getFunctionName();
    return name ? `${name} (${place})` : place;
  },
};

const prototype = Object.getPrototypeOf(site);
// Stack traces tell where, not who: functions on the stack are often not the worker's own.
for (const name of ["getFunction", "getThis"]) delete prototype[name];
for (const [name, value] of Object.entries(missing)) {
  if (Object.hasOwn(prototype, name)) continue;
  Object.defineProperty(prototype, name, { value, writable: true, enumerable: false, configurable: true });
}
