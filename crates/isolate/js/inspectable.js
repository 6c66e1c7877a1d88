// How objects of the web platform look in console.log(): by their attributes, or as a list of entries.

const custom = Symbol.for("nodejs.util.inspect.custom");

/** Attributes of a class and those it inherits, its own first. */
function attributesOf(prototype) {
  const names = [];
  for (let at = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (Object.getOwnPropertyDescriptor(at, name).get !== undefined && !names.includes(name)) names.push(name);
    }
  }
  return names;
}

/** An empty object that is shown as one of the class named `name`. */
const shown = (name) => new { [name]: class {} }[name]();

function define(Class, method) {
  Object.defineProperty(Class.prototype, custom, { value: method, writable: true, enumerable: false, configurable: true });
}

/** Shows instances of `Class` as `Name { attribute: value, … }`. */
export function showAttributes(Class) {
  const attributes = attributesOf(Class.prototype);
  define(Class, function (depth, options, inspect) {
    const name = this.constructor?.name || Class.name;
    if (depth < 0) return `[${name}]`;
    const view = shown(name);
    for (const attribute of attributes) {
      try {
        view[attribute] = this[attribute];
      } catch {
        // The prototype itself has the attributes but no values.
        return `Object [${Class.name}] {}`;
      }
    }
    for (const own of Object.keys(this)) view[own] = this[own];
    return inspect(view, { ...options, depth: options.depth });
  });
}

/** Shows instances of `Class`, which iterate over pairs, as `Name(size) { 'key' => value, … }`. */
export function showEntries(Class) {
  define(Class, function (depth, options, inspect) {
    let entries;
    try {
      entries = [...this];
    } catch {
      return `Object [${Class.name}] {}`;
    }
    const name = `${this.constructor?.name || Class.name}(${entries.length})`;
    if (depth < 0) return `[${name}]`;
    if (entries.length === 0) return `${name} {}`;
    const pairs = entries.map(([key, value]) => `${inspect(key, options)} => ${inspect(value, options)}`);
    const line = `${name} { ${pairs.join(", ")} }`;
    return line.length <= 76 && !line.includes("\n") ? line : `${name} {\n  ${pairs.join(",\n  ").replaceAll("\n", "\n  ")}\n}`;
  });
}
