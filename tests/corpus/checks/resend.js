import { Resend } from "resend";
import { equal, withFetch } from "../support.js";

export default async function () {
  const { data } = await withFetch(
    async (url, init) => Response.json({ id: `${init.method} ${url}` }),
    () => new Resend("re_x").emails.send({ from: "a@b.co", to: "c@d.co", subject: "s", text: "t" }),
  );
  equal(data.id, "POST https://api.resend.com/emails");
}
