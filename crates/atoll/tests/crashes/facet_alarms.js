// Objects with a facet whose class comes from a string. Its alarm tells a witness.
import { DurableObject } from "cloudflare:workers";

const CODE = `
import { DurableObject } from "cloudflare:workers";
export class Clock extends DurableObject {
  set(delay) { return this.ctx.storage.setAlarm(Date.now() + delay); }
  alarm() { return this.env.PARENT.getByName("witness").rang(); }
}`;

export class Parent extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.clock = ctx.facets.get("clock", () => {
      const code = { compatibilityDate: "2026-06-11", mainModule: "clock.js", modules: { "clock.js": CODE }, env: { PARENT: env.PARENT } };
      return { class: env.LOADER.load(code).getDurableObjectClass("Clock") };
    });
  }

  set(delay) {
    return this.clock.set(delay);
  }

  rang() {
    this.ctx.storage.kv.put("rang", this.count() + 1);
  }

  count() {
    return this.ctx.storage.kv.get("rang") ?? 0;
  }
}

export default {
  async fetch(request, env) {
    const [, name, method, ...args] = new URL(request.url).pathname.split("/");
    return Response.json((await env.PARENT.getByName(name)[method](...args.map(Number))) ?? null);
  },
};
