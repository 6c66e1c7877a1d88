import axios from "axios";
import { equal } from "../support.js";

export default async function () {
  const fetch = async (request) => Response.json({ url: request.url ?? request });
  const { data } = await axios.create({ adapter: "fetch", env: { fetch } }).get("https://a.example/x", { params: { q: 1 } });
  equal(data.url, "https://a.example/x?q=1");
}
