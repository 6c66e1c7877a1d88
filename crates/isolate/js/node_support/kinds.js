/** `util.types`: what the engine made a value as, whatever its prototype says. */
import { engineClass, proxyDetails } from "atoll:native/inspect";

const isOf = (...names) => (value) => typeof value === "object" && value !== null && names.includes(engineClass(value));

const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
).get;
const typedArrayName = (value) => typedArrayTag.call(value);
const isTypedArrayOf = (name) => (value) => typedArrayName(value) === name;
const functionClass = (value) => (typeof value === "function" ? engineClass(value) : "");

const BOXED = ["Number", "String", "Boolean", "BigInt", "Symbol"];

const isProxy = (value) =>
  ((typeof value === "object" && value !== null) || typeof value === "function") && proxyDetails(value) !== undefined;

const types = {
  isAnyArrayBuffer: isOf("ArrayBuffer", "SharedArrayBuffer"),
  isArgumentsObject: isOf("Arguments"),
  isArrayBuffer: isOf("ArrayBuffer"),
  isArrayBufferView: (value) => ArrayBuffer.isView(value),
  isAsyncFunction: (value) => /^AsyncFunction|^AsyncGeneratorFunction/.test(functionClass(value)),
  isBigInt64Array: isTypedArrayOf("BigInt64Array"),
  isBigIntObject: isOf("BigInt"),
  isBigUint64Array: isTypedArrayOf("BigUint64Array"),
  isBooleanObject: isOf("Boolean"),
  isBoxedPrimitive: isOf(...BOXED),
  isCryptoKey: (value) => typeof CryptoKey === "function" && value instanceof CryptoKey,
  isDataView: isOf("DataView"),
  isDate: isOf("Date"),
  isEventTarget: (value) => typeof EventTarget === "function" && value instanceof EventTarget,
  isExternal: () => false,
  isFloat16Array: isTypedArrayOf("Float16Array"),
  isFloat32Array: isTypedArrayOf("Float32Array"),
  isFloat64Array: isTypedArrayOf("Float64Array"),
  isGeneratorFunction: (value) => /GeneratorFunction$/.test(functionClass(value)),
  isGeneratorObject: isOf("Generator", "AsyncGenerator"),
  isInt16Array: isTypedArrayOf("Int16Array"),
  isInt32Array: isTypedArrayOf("Int32Array"),
  isInt8Array: isTypedArrayOf("Int8Array"),
  isKeyObject: (value) => value?.[Symbol.toStringTag] === "KeyObject",
  isMap: isOf("Map"),
  isMapIterator: isOf("Map Iterator"),
  isModuleNamespaceObject: isOf("Module"),
  isNativeError: isOf("Error"),
  isNumberObject: isOf("Number"),
  isPromise: isOf("Promise"),
  isProxy,
  isRegExp: isOf("RegExp"),
  isSet: isOf("Set"),
  isSetIterator: isOf("Set Iterator"),
  isSharedArrayBuffer: isOf("SharedArrayBuffer"),
  isStringObject: isOf("String"),
  isSymbolObject: isOf("Symbol"),
  isTypedArray: (value) => typedArrayName(value) !== undefined,
  isUint16Array: isTypedArrayOf("Uint16Array"),
  isUint32Array: isTypedArrayOf("Uint32Array"),
  isUint8Array: isTypedArrayOf("Uint8Array"),
  isUint8ClampedArray: isTypedArrayOf("Uint8ClampedArray"),
  isWeakMap: isOf("WeakMap"),
  isWeakSet: isOf("WeakSet"),
};

export default types;
