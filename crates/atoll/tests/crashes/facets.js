import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

/** A facet that counts, and has facets that count. */
export class Child extends DurableObject {
  at([name, ...path], method) {
    if (name === undefined) return this[method]();
    return this.ctx.facets.get(name, () => ({ class: this.ctx.exports.Child })).at(path, method);
  }

  add() {
    const total = this.total() + 1;
    this.ctx.storage.kv.put("total", total);
    return total;
  }

  total() {
    return this.ctx.storage.kv.get("total") ?? 0;
  }
}

export class Parent extends Child {
  async remove() {
    this.ctx.facets.delete("a");
    return true;
  }

  async copy() {
    this.ctx.facets.clone("a", "b");
    return true;
  }
}

/** `/method/facet/facet` */
export default class extends WorkerEntrypoint {
  async fetch(request) {
    const [, method, ...path] = new URL(request.url).pathname.split("/");
    return Response.json(await this.env.PARENT.getByName("only").at(path, method));
  }
}
