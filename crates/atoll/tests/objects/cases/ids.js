// Ids, and how namespaces make and take them.

import { newStub, outcomes, table } from "../support.js";

const other = "a".repeat(64);

export const ids = {
  "ids: from a name": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    return [typeof id.toString(), /^[0-9a-f]{64}$/.test(id.toString()), id.name, id.jurisdiction, String(id) === id.toString(), `${id}` === id.toString()];
  },
  "ids: the same name gives the same id": ({ env }) => {
    const [a, b, c, d] = [env.PROBE.idFromName("a"), env.PROBE.idFromName("a"), env.PROBE.idFromName("b"), env.OTHER.idFromName("a")];
    return [a === b, a.equals(b), a.toString() === b.toString(), a.equals(c), a.equals(d), a.toString() === d.toString()];
  },
  "ids: unique": ({ env }) => {
    const [a, b] = [env.PROBE.newUniqueId(), env.PROBE.newUniqueId()];
    return [/^[0-9a-f]{64}$/.test(a.toString()), a.name, a.equals(b), a.equals(a), "name" in a];
  },
  "ids: from text": ({ env }) => {
    const named = env.PROBE.idFromName("a");
    const id = env.PROBE.idFromString(named.toString());
    return [id.toString() === named.toString(), id.equals(named), named.equals(id), id.name, env.PROBE.idFromString(env.PROBE.newUniqueId().toString()).name];
  },
  "ids: bad texts": ({ env }) =>
    table({
      short: () => env.PROBE.idFromString("abc"),
      empty: () => env.PROBE.idFromString(""),
      "not hexadecimal": () => env.PROBE.idFromString("g".repeat(64)),
      "too long": () => env.PROBE.idFromString("a".repeat(65)),
      "made up": () => env.PROBE.idFromString(other),
      "of another namespace": () => env.PROBE.idFromString(env.OTHER.idFromName("a").toString()),
      "upper case": () => env.PROBE.idFromString(env.PROBE.idFromName("a").toString().toUpperCase()).equals(env.PROBE.idFromName("a")),
      nothing: () => env.PROBE.idFromString(),
      undefined: () => env.PROBE.idFromString(undefined),
      "a number": () => env.PROBE.idFromString(5),
      "an id": () => env.PROBE.idFromString(env.PROBE.idFromName("a")).equals(env.PROBE.idFromName("a")),
    }),
  "ids: odd names": ({ env }) =>
    table({
      nothing: () => env.PROBE.idFromName(),
      empty: () => env.PROBE.idFromName("").name,
      undefined: () => env.PROBE.idFromName(undefined).name,
      null: () => env.PROBE.idFromName(null).name,
      number: () => env.PROBE.idFromName(5).name,
      object: () => env.PROBE.idFromName({}).name,
      symbol: () => env.PROBE.idFromName(Symbol("a")).name,
      "not Latin": () => env.PROBE.idFromName("日本 🎨").name,
      "with a zero": () => env.PROBE.idFromName("a\0b").name,
      long: () => env.PROBE.idFromName("x".repeat(5000)).name.length,
      "an id": () => env.PROBE.idFromName(env.PROBE.idFromName("a")).name === env.PROBE.idFromName("a").toString(),
    }),
  "ids: equality": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    return outcomes(() => id.equals(), () => id.equals(null), () => id.equals("a"), () => id.equals({}), () => id.equals(id.toString()), () => id.equals(env.PROBE));
  },
  "ids: shape": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    const unique = env.PROBE.newUniqueId();
    const prototype = Object.getPrototypeOf(id);
    return {
      kind: [typeof id, Object.prototype.toString.call(id), id.constructor.name],
      own: [Object.getOwnPropertyNames(id), Object.getOwnPropertyNames(unique), Object.keys(id), Object.keys(unique)],
      prototype: Object.getOwnPropertyNames(prototype).sort(),
      enumerable: Object.keys(prototype).sort(),
      json: [JSON.stringify(id), JSON.stringify(unique)],
      in: ["name" in id, "name" in unique, "jurisdiction" in id, "toString" in id],
      name: Object.getOwnPropertyDescriptor(id, "name"),
    };
  },
  "ids: names can't be changed": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    return outcomes(() => {
      try {
        id.name = "b";
      } catch (error) {
        return error instanceof TypeError;
      }
    }, () => {
      id.extra = 1;
      return id.extra;
    }, () => id.name);
  },
  "ids: made by hand": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    return outcomes(() => new id.constructor(), () => id.toString.call({}), () => id.equals.call({}, id), () => structuredClone(id));
  },
  "ids: jurisdictions": ({ env }) =>
    table({
      known: () => /^[0-9a-f]{64}$/.test(env.PROBE.newUniqueId({ jurisdiction: "eu" })),
      unknown: () => env.PROBE.newUniqueId({ jurisdiction: "moon" }),
      none: () => env.PROBE.newUniqueId({}).jurisdiction,
      null: () => env.PROBE.newUniqueId({ jurisdiction: null }).jurisdiction,
      undefined: () => env.PROBE.newUniqueId({ jurisdiction: undefined }).jurisdiction,
      "options undefined": () => env.PROBE.newUniqueId(undefined).jurisdiction,
      "options null": () => env.PROBE.newUniqueId(null).jurisdiction,
      "options text": () => env.PROBE.newUniqueId("eu").jurisdiction,
    }),
  "ids: namespaces of a jurisdiction": ({ env }) =>
    table({
      known: () => typeof env.PROBE.jurisdiction("eu").idFromName,
      unknown: () => env.PROBE.jurisdiction("moon"),
      nothing: () => env.PROBE.jurisdiction().idFromName("a").equals(env.PROBE.idFromName("a")),
      undefined: () => env.PROBE.jurisdiction(undefined).idFromName("a").equals(env.PROBE.idFromName("a")),
      null: () => env.PROBE.jurisdiction(null).idFromName("a").equals(env.PROBE.idFromName("a")),
      number: () => env.PROBE.jurisdiction(5),
    }),

  "get: ids it takes": ({ env }) =>
    table({
      own: () => env.PROBE.get(env.PROBE.idFromName("a")).id.name,
      nothing: () => env.PROBE.get(),
      null: () => env.PROBE.get(null),
      text: () => env.PROBE.get("a"),
      "its text": () => env.PROBE.get(env.PROBE.idFromName("a").toString()),
      "another namespace's": () => typeof env.PROBE.get(env.OTHER.idFromName("a")),
      object: () => env.PROBE.get({ name: "a" }),
    }),
  "get: options": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    return table({
      undefined: () => typeof env.PROBE.get(id, undefined),
      null: () => typeof env.PROBE.get(id, null),
      empty: () => typeof env.PROBE.get(id, {}),
      number: () => typeof env.PROBE.get(id, 5),
      hint: () => typeof env.PROBE.get(id, { locationHint: "weur" }),
      "unknown hint": () => typeof env.PROBE.get(id, { locationHint: "moon" }),
      "hint undefined": () => typeof env.PROBE.get(id, { locationHint: undefined }),
      "hint null": () => typeof env.PROBE.get(id, { locationHint: null }),
      "hint by name": () => typeof env.PROBE.getByName("a", { locationHint: "apac" }),
      "unknown hint by name": () => typeof env.PROBE.getByName("a", { locationHint: "moon" }),
      routing: () => typeof env.PROBE.get(id, { routingMode: "primary-only" }),
      "unknown routing": () => typeof env.PROBE.get(id, { routingMode: "moon" }),
      "unknown option": () => typeof env.PROBE.get(id, { moon: 1 }),
    });
  },
  "get: by name": ({ env }) =>
    table({
      name: () => env.PROBE.getByName("a").name,
      id: () => env.PROBE.getByName("a").id.equals(env.PROBE.idFromName("a")),
      empty: () => env.PROBE.getByName("").name,
      nothing: () => env.PROBE.getByName(),
      number: () => env.PROBE.getByName(5).name,
      undefined: () => env.PROBE.getByName(undefined).name,
    }),
  "get: names of stubs": ({ env }) => {
    const id = env.PROBE.idFromName("a");
    const unnamed = env.PROBE.get(env.PROBE.idFromString(id.toString()));
    const unique = env.PROBE.get(env.PROBE.newUniqueId());
    return [env.PROBE.get(id).name, unnamed.name, unique.name, unnamed.id.name, env.PROBE.get(id).id === id, env.PROBE.get(id).id.equals(id)];
  },
  "get: names inside of objects": async ({ env }) => {
    const seen = async (stub) => (await stub.fetch("http://x/ctx: id")).json();
    const text = newStub(env.PROBE).id.toString();
    return {
      "by name": await seen(env.PROBE.get(env.PROBE.idFromName("name inside"))),
      unique: await seen(env.PROBE.get(env.PROBE.newUniqueId())),
      "by text": await seen(env.PROBE.get(env.PROBE.idFromString(text))),
    };
  },
};
