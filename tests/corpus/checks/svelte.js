import { render } from "svelte/server";
import { equal } from "../support.js";

export default async function () {
  equal(render((payload) => payload.push("<p>v</p>"), { props: {} }).body.includes("<p>v</p>"), true);
}
