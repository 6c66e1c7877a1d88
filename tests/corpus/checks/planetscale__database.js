import { connect } from "@planetscale/database";
import { equal } from "../support.js";

export default async function () {
  const rows = { lengths: ["1"], values: btoa("7") };
  const connection = connect({ url: "mysql://u:p@h/db", fetch: async () => Response.json({ session: {}, result: { fields: [{ name: "a", type: "INT64" }], rows: [rows] }, timing: 1 }) });
  equal((await connection.execute("select 7 as a")).rows, [{ a: "7" }]);
}
