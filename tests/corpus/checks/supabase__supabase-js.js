import { createClient } from "@supabase/supabase-js";
import { equal } from "../support.js";

export default async function () {
  const client = createClient("https://p.example", "k", { global: { fetch: async (url) => Response.json([{ url: String(url) }]) } });
  equal((await client.from("t").select("*").eq("id", 1)).data[0].url, "https://p.example/rest/v1/t?select=*&id=eq.1");
}
