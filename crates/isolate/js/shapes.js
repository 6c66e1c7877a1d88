// Shapes of what is made for each event.
//
// The engine describes which properties an object has by a shape, which it shares with all objects that got the same
// properties in the same order. It forgets a shape with the last object of that shape. What is made for an event and is gone
// with it would have each of its shapes made anew, one for each property: here is an object of each, so that they are found.

/** @type {object[]} */
const kept = [];

/** Keeps the shapes that an object goes through until it has the properties of `example`, in their order. */
export function keepShapes(example) {
  const prototype = Object.getPrototypeOf(example);
  const names = Reflect.ownKeys(example);
  for (let count = 0; count <= names.length; count += 1) {
    const object = Object.create(prototype);
    for (const name of names.slice(0, count)) {
      const { value: _, ...flags } = Object.getOwnPropertyDescriptor(example, name);
      Object.defineProperty(object, name, flags);
    }
    kept.push(object);
  }
}

/** Keeps the shapes of an object of this class, to which code gives these properties. @param {string[]} names */
export function keepShapesOf(Class, names) {
  const example = Object.create(Class.prototype);
  for (const name of names) example[name] = undefined;
  keepShapes(example);
}

/** Keeps the shapes of these: private fields belong to a shape, and only their class can give them. */
export const keep = (...objects) => void kept.push(...objects);

// What the language makes: functions, their arguments, what iterators give, promises and what goes with them.
keepShapes(() => {});
keepShapes(async () => {});
keepShapes((function () { return arguments; })());
keepShapes({ value: undefined, done: true });
keepShapes(Promise.withResolvers());
for (const Class of [Promise, Map, Set, Date, RegExp, Error, ArrayBuffer, Uint8Array]) keep(Object.create(Class.prototype));
