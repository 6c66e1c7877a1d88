/**
 * `Date` with the isolate's clock: time stands still while an event's code runs, and is 0 while modules are evaluated.
 *
 * Everything but the current time is the engine's own. The time zone is always UTC.
 */

import { now } from "atoll:native/io";

const EngineDate = globalThis.Date;
const { prototype } = EngineDate;
const { construct } = Reflect;
const currentTime = () => Math.floor(now());

function Date(...parts) {
  if (new.target === undefined) return new EngineDate(currentTime()).toString();
  if (parts.length === 0) parts.push(currentTime());
  return construct(EngineDate, parts, new.target);
}

const method = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });

Object.defineProperty(Date, "length", { value: 7, configurable: true });
Object.defineProperty(Date, "prototype", { value: prototype, writable: false, enumerable: false, configurable: false });
method(
  Date,
  "now",
  {
    now() {
      return currentTime();
    },
  }.now,
);
method(Date, "parse", EngineDate.parse);
method(Date, "UTC", EngineDate.UTC);
method(prototype, "constructor", Date);
method(globalThis, "Date", Date);

// The engine leaves out the name of the zone that V8 writes at the end.
const ZONE_NAME = " (Coordinated Universal Time)";
for (const name of ["toString", "toTimeString"]) {
  const engineMethod = prototype[name];
  method(
    prototype,
    name,
    {
      [name]() {
        const text = engineMethod.call(this);
        return text.endsWith("GMT+0000") ? text + ZONE_NAME : text;
      },
    }[name],
  );
}
