import { createSchema, createYoga } from "graphql-yoga";
import { equal } from "../support.js";

export default async function () {
  const yoga = createYoga({ schema: createSchema({ typeDefs: "type Query { a: Int }", resolvers: { Query: { a: () => 4 } } }), logging: false });
  const response = await yoga.fetch("http://x/graphql", { method: "POST", body: JSON.stringify({ query: "{ a }" }), headers: { "content-type": "application/json" } });
  equal((await response.json()).data.a, 4);
}
