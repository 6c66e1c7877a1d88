import mitt from "mitt";
import { equal } from "../support.js";

export default async function () {
  const events = mitt();
  let seen = 0;
  events.on("a", (n) => { seen += n; });
  events.emit("a", 2);
  equal(seen, 2);
}
