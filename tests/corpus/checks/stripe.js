import Stripe from "stripe";
import { equal } from "../support.js";

export default async function () {
  const stripe = new Stripe("sk_test_x", { httpClient: Stripe.createFetchHttpClient(async () => Response.json({ id: "cus_1", object: "customer" })) });
  equal((await stripe.customers.retrieve("cus_1")).id, "cus_1");
}
