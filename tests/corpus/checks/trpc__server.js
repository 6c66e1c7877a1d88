import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { equal } from "../support.js";

export default async function () {
  const t = initTRPC.create();
  const router = t.router({ twice: t.procedure.input((n) => Number(n)).query(({ input }) => input * 2) });
  const req = new Request("http://x/trpc/twice?input=21");
  const response = await fetchRequestHandler({ endpoint: "/trpc", req, router, createContext: () => ({}) });
  equal((await response.json()).result.data, 42);
}
