import { DurableObject } from "cloudflare:workers";
import { alarms, alarmsInside } from "./cases/alarms.js";
import { asyncKv } from "./cases/async_kv.js";
import { calls } from "./cases/calls.js";
import { facets } from "./cases/facets.js";
import { fetches } from "./cases/fetch.js";
import { gates } from "./cases/gates.js";
import { ids } from "./cases/ids.js";
import { kv } from "./cases/kv.js";
import { lives } from "./cases/lives.js";
import { shapes, shapesInside } from "./cases/shapes.js";
import { rpc, rpcHandlers } from "./cases/rpc.js";
import { sockets } from "./cases/sockets.js";
import { sql } from "./cases/sql.js";
import { sqlLimits } from "./cases/sql_limits.js";
import { streams } from "./cases/streams.js";
import { transactions } from "./cases/transactions.js";
import { wire } from "./cases/wire.js";
import { plain, thrown } from "./support.js";

export { Clock } from "./cases/alarms.js";
export { Methods } from "./cases/calls.js";
export { Leaf } from "./cases/facets.js";
export { Handlers, Own, Plain } from "./cases/fetch.js";
export { Gated } from "./cases/gates.js";
export { Fickle } from "./cases/lives.js";
export { Desk, Shelf } from "./cases/rpc.js";
export { Room } from "./cases/sockets.js";
export { Keeper } from "./cases/streams.js";
export { Wire } from "./cases/wire.js";

/** What runs in the worker. */
const outside = { ...ids, ...shapes, ...fetches, ...calls, ...lives, ...gates, ...alarms, ...sockets, ...rpc, ...streams };
/** What runs in an object of its own, to which nothing has happened yet. */
const inside = { ...shapesInside, ...facets, ...alarmsInside, ...sql, ...sqlLimits, ...kv, ...asyncKv, ...transactions };

/** What a case gives, as JSON. */
async function answer(run) {
  try {
    return Response.json(plain(await run()));
  } catch (error) {
    return Response.json({ threw: thrown(error) });
  }
}

export class Probe extends DurableObject {
  fetch(request) {
    const { ctx, env } = this;
    const { storage } = ctx;
    const run = inside[decodeURIComponent(new URL(request.url).pathname.slice(1))];
    return answer(() => run({ object: this, ctx, env, storage, sql: storage.sql, kv: storage.kv }));
  }
}

export class Other extends DurableObject {}

export default {
  rpcOne: rpcHandlers.one,
  async fetch(request, env, ctx) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (name === "names") return Response.json(Object.keys({ ...outside, ...inside }));
    const [, client] = /^(?:wire|heard)\/(.+)$/.exec(name) ?? [];
    if (client !== undefined) return wire(request, env, client);
    if (name === "echo") return new Response(request.body);
    if (name in outside) return answer(() => outside[name]({ env, ctx }));
    return env.PROBE.get(env.PROBE.idFromName(name)).fetch(`http://probe/${encodeURIComponent(name)}`);
  },
};
