import { buildSchema, graphql } from "graphql";
import { equal } from "../support.js";

export default async function () {
  const schema = buildSchema("type Query { hello(name: String!): String }");
  const { data } = await graphql({ schema, source: '{ hello(name: "x") }', rootValue: { hello: ({ name }) => `hi ${name}` } });
  equal(data.hello, "hi x");
}
