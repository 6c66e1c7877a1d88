import { z } from "zod";
import { equal } from "../support.js";

export default async function () {
  const schema = z.object({ email: z.email(), age: z.number().int().min(0).optional(), tags: z.array(z.string()).default([]) });
  equal(schema.parse({ email: "a@b.co" }), { email: "a@b.co", tags: [] });
  equal(schema.safeParse({ email: "no" }).success, false);
  equal(z.toJSONSchema(schema).type, "object");
}
