import { getCookie } from "./hono/helper/cookie/index.js";
import { Hono } from "./hono/index.js";
import { secureHeaders } from "./hono/middleware/secure-headers/index.js";

const app = new Hono();

app.use(secureHeaders());
app.use(async (c, next) => {
  await next();
  c.header("x-request-id", crypto.randomUUID());
});
for (const thing of ["albums", "artists", "genres", "labels", "lists", "songs", "tags", "venues"]) {
  app.get(`/${thing}`, (c) => c.text(thing));
  app.get(`/${thing}/:id`, (c) => c.json({ thing, id: c.req.param("id") }));
}
app.get("/users/:user/posts/:post", (c) =>
  c.json({
    user: c.req.param("user"),
    post: Number(c.req.param("post")),
    page: c.req.query("page") ?? "1",
    theme: getCookie(c, "theme") ?? "light",
  }),
);

export default app;
