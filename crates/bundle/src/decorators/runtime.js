// What lowered decorators run on, after the TC39 proposal as of November 2023. One `State` belongs
// to one evaluation of one class; its methods are called from the places where the class's text
// had decorators, keys and values, so that everything happens in the proposal's order.

if (Symbol.metadata === undefined) {
  Object.defineProperty(Symbol, "metadata", { value: Symbol("Symbol.metadata") });
}

/** `@object.name`: a decorator that is called as a method of its object. */
export function member(object, name) {
  const decorator = object[name];
  return typeof decorator === "function" ? (...args) => decorator.apply(object, args) : decorator;
}

/** Gives what the class's name stands for: the class that `build` makes, or what its decorators made of it. */
export function decorateClass(decorators, build) {
  const state = new State(decorators);
  const made = build(state);
  return state.replacement ?? made;
}

/** The same for a class whose keys or decorators wait for something. */
export async function decorateClassAsync(decorators, build) {
  const state = new State(decorators);
  const made = await build(state);
  return state.replacement ?? made;
}

class State {
  elements = [];
  markers = [];
  instanceExtras = [];
  staticExtras = [];
  classExtras = [];
  replacement = undefined;

  constructor(decorators) {
    this.decorators = decorators;
  }

  #element(index) {
    return (this.elements[index] ??= { decorators: [], inits: [], extras: [], name: undefined });
  }

  /** Takes an element's decorators; the key of a throwaway method makes it run in place. */
  e(index, decorators) {
    for (const decorator of decorators) {
      if (typeof decorator !== "function") throw new TypeError("a decorator must be a function");
    }
    this.#element(index).decorators = decorators;
    const marker = Symbol();
    this.markers.push(marker);
    return marker;
  }

  /** Takes a computed key. */
  k(index, key) {
    return (this.#element(index).name = typeof key === "symbol" ? key : String(key));
  }

  /** The computed key again. */
  n(index) {
    return this.#element(index).name;
  }

  /** A private method made outside its class: `super` in it still means the class's parent. */
  h(home, methods) {
    return Object.setPrototypeOf(methods, Object.getPrototypeOf(home));
  }

  /** The decorated function of a private element. */
  p(index, part = "value") {
    return this.elements[index][part];
  }

  /** The first value of a field or accessor. */
  f(index, self, value) {
    for (const init of this.elements[index].inits) value = init.call(self, value);
    return value;
  }

  /** What decorators of a field or accessor want to run after it. */
  x(index, self) {
    for (const extra of this.elements[index].extras) extra.call(self);
  }

  /** What decorators of methods want to run before an instance's fields. */
  i(self) {
    for (const extra of this.instanceExtras) extra.call(self);
  }

  /** Applies all decorators; gives the class. Runs before static fields. */
  finish(constructor, className, rows) {
    for (const marker of this.markers) delete constructor.prototype[marker];
    const parent = Object.getPrototypeOf(constructor)?.[Symbol.metadata];
    this.metadata = Object.create(parent ?? null);
    rows.forEach((row, index) => {
      const element = this.#element(index);
      const name = row.name ?? element.name;
      Object.assign(element, row, { name });
    });
    const isField = (element) => element.kind === "field";
    const decorated = this.elements.filter((element) => element.decorators.length > 0);
    for (const fields of [false, true]) {
      for (const statics of [true, false]) {
        for (const element of decorated) {
          if (isField(element) === fields && element.static === statics) {
            this.#decorate(constructor, element);
          }
        }
      }
    }
    let result = constructor;
    for (const decorator of this.decorators.toReversed()) {
      result = this.#call(decorator, result, this.classExtras, { kind: "class", name: className }) ?? result;
    }
    Object.defineProperty(result, Symbol.metadata, {
      value: this.metadata,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    this.replacement = result;
    for (const extra of this.staticExtras) extra.call(result);
    return result;
  }

  /** What the class's decorators want to run last. */
  end() {
    for (const extra of this.classExtras) extra.call(this.replacement);
  }

  #call(decorator, value, extras, context) {
    let finished = false;
    context.addInitializer = (extra) => {
      if (finished) throw new TypeError("cannot add initializers after decoration has completed");
      if (typeof extra !== "function") throw new TypeError("an initializer must be a function");
      extras.push(extra);
    };
    context.metadata = this.metadata;
    const result = decorator(value, context);
    finished = true;
    if (result === undefined || typeof result === "function") return result;
    if (context.kind === "accessor" && typeof result === "object" && result !== null) return result;
    throw new TypeError(`a decorator of a ${context.kind} must return a function or undefined`);
  }

  #decorate(constructor, element) {
    const { kind, name } = element;
    const home = element.static ? constructor : constructor.prototype;
    const hasInit = kind === "field" || kind === "accessor";
    const shared = element.static ? this.staticExtras : this.instanceExtras;
    const extras = hasInit ? element.extras : shared;
    const part = { method: "value", getter: "get", setter: "set" }[kind];
    const methods = element.private ? element.methods : home;
    const key = element.private && kind === "accessor" ? "accessor" : name;
    const descriptor = kind === "field" ? undefined : Object.getOwnPropertyDescriptor(methods, key);
    let value = kind === "accessor" ? { get: descriptor.get, set: descriptor.set } : descriptor?.[part];
    for (const decorator of element.decorators.toReversed()) {
      const context = {
        kind,
        name,
        static: element.static,
        private: element.private,
        access: access(element),
      };
      const given = kind === "accessor" ? { ...value } : value;
      const result = this.#call(decorator, given, extras, context);
      if (result === undefined) continue;
      if (kind === "field") {
        element.inits.unshift(result);
      } else if (kind === "accessor") {
        if (typeof result === "function") throw new TypeError("a decorator of an accessor must return an object or undefined");
        for (const field of ["get", "set", "init"]) {
          if (result[field] !== undefined && typeof result[field] !== "function") {
            throw new TypeError(`the ${field} of a decorated accessor must be a function`);
          }
        }
        value = { get: result.get ?? value.get, set: result.set ?? value.set };
        if (result.init !== undefined) element.inits.unshift(result.init);
      } else {
        value = result;
      }
    }
    if (kind === "field") return;
    if (element.private) {
      if (kind === "accessor") Object.assign(element, value);
      else element.value = value;
    } else {
      const changed = kind === "accessor" ? value : { [part]: value };
      Object.defineProperty(home, name, { ...descriptor, ...changed });
    }
  }
}

function access(element) {
  if (element.access) return { ...element.access };
  const { kind, name } = element;
  const own = { has: (object) => name in object };
  if (kind !== "setter") own.get = (object) => object[name];
  if (kind !== "method" && kind !== "getter") {
    own.set = (object, value) => {
      object[name] = value;
    };
  }
  return own;
}
