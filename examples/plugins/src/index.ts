import { WorkerEntrypoint } from "cloudflare:workers";
import type { Blog, Installed } from "./blog";
import { page, preview } from "./pages";
import { type Manifest, type Post, type Power, readManifest } from "./plugin";

export { Blog } from "./blog";

interface Env {
  LOADER: WorkerLoader;
  BLOG: DurableObjectNamespace<Blog>;
  /** What `atoll.jsonc` lets out. */
  QUOTES: Fetcher;
}

interface Plugin extends WorkerEntrypoint {
  render(post: Post): Promise<string>;
}

const blogOf = (env: Env): DurableObjectStub<Blog> => env.BLOG.getByName("blog");

/** Titles, and nothing else of the posts. */
export class Posts extends WorkerEntrypoint<Env> {
  async titles(): Promise<string[]> {
    return (await blogOf(this.env).posts()).map((post) => post.title);
  }
}

/** The notes of one plugin: which one is not for it to say. */
export class Notes extends WorkerEntrypoint<Env, { plugin: string }> {
  async read(name: string): Promise<string | undefined> {
    return await blogOf(this.env).readNote(this.ctx.props.plugin, String(name));
  }

  async write(name: string, text: string): Promise<void> {
    await blogOf(this.env).writeNote(this.ctx.props.plugin, String(name), String(text));
  }
}

/** What each power of a manifest is in a plugin's `env`. */
function granted({ name, powers }: Manifest, env: Env, ctx: ExecutionContext): Record<string, unknown> {
  const own = ctx.exports as unknown as { Posts: Fetcher; Notes(options: object): Fetcher };
  const all: Record<Power, () => unknown> = {
    posts: () => own.Posts,
    notes: () => own.Notes({ props: { plugin: name } }),
    quotes: () => env.QUOTES,
  };
  return Object.fromEntries(powers.map((power) => [power, all[power]()]));
}

/** The plugin as a Worker in a process of its own. It stays as long as it is used. */
function load(plugin: Installed, env: Env, ctx: ExecutionContext): Plugin {
  const { name, source } = plugin;
  const main = `import { WorkerEntrypoint } from "cloudflare:workers"; import { render } from "./plugin.ts";
export default class extends WorkerEntrypoint { async render(post) { return String(await render(post, this.env)); } }`;
  const worker = env.LOADER.get(`${name} ${hash(source)}`, () => ({
    compatibilityDate: "2026-06-11",
    mainModule: "main.js",
    modules: { "main.js": main, "plugin.ts": source },
    env: granted(plugin, env, ctx),
    globalOutbound: null,
    // `memoryMb` and `wallMs` are Atoll's own.
    limits: { cpuMs: 50, subRequests: 20, memoryMb: 32, wallMs: 2000 } as { cpuMs: number; subRequests: number },
  }));
  return worker.getEntrypoint<Plugin>() as unknown as Plugin;
}

/** Tells sources apart; nobody gains by having two the same. */
function hash(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum;
}

/** A post as all plugins leave it, one after the other. One that fails changes nothing. */
async function rendered(post: Post, plugins: Installed[], env: Env, ctx: ExecutionContext): Promise<{ post: Post; faults: string[] }> {
  const faults: string[] = [];
  let { text } = post;
  for (const plugin of plugins) {
    try {
      text = (await load(plugin, env, ctx).render({ ...post, text })).slice(0, 50_000);
    } catch (error) {
      faults.push(`${plugin.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { post: { ...post, text }, faults };
}

async function home(env: Env, ctx: ExecutionContext): Promise<Response> {
  const blog = blogOf(env);
  const [posts, plugins] = await Promise.all([blog.posts(), blog.plugins()]);
  return page(await Promise.all(posts.map((post) => rendered(post, plugins, env, ctx))), plugins);
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (request.method === "GET") return pathname === "/" ? home(env, ctx) : new Response("There is no such page.", { status: 404 });
    // A browser says which page a form is on: other sites have no say here.
    if (new URL(request.headers.get("origin") ?? "null:").host !== new URL(request.url).host) return new Response("That came from elsewhere.", { status: 403 });
    const form = await request.formData();
    const field = (name: string): string => String(form.get(name) ?? "");
    const blog = blogOf(env);
    try {
      switch (pathname) {
        case "/publish":
          await blog.publish(field("title"), field("text"));
          break;
        case "/preview":
          return preview(readManifest(field("source")), field("source"));
        case "/install":
          await blog.install(readManifest(field("source")), field("source").slice(0, 100_000));
          break;
        case "/remove":
          await blog.remove(field("name"));
          break;
        default:
          return new Response("There is no such page.", { status: 404 });
      }
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 400 });
    }
    return new Response(null, { status: 303, headers: { location: "/" } });
  },
} satisfies ExportedHandler<Env>;
