import superjson from "superjson";
import { equal } from "../support.js";

export default async function () {
  equal(superjson.parse(superjson.stringify({ d: new Date(0), s: new Set([1]) })), { d: new Date(0), s: new Set([1]) });
}
