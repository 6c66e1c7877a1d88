import { Agent, callable, getAgentByName, routeAgentRequest } from "agents";
import type { Note, Notes } from "./notes";

interface Env {
  Notebook: DurableObjectNamespace<Notebook>;
}

/** One notebook for each name, with notes that everybody who looks at it sees. */
export class Notebook extends Agent<Env, Notes> {
  initialState: Notes = { notes: [] };

  @callable()
  add(text: string): Note {
    const note = { id: crypto.randomUUID(), text, done: false };
    this.setState({ notes: [...this.state.notes, note] });
    return note;
  }

  /** Adds a note later, whether somebody is looking or not, and also after a restart. */
  @callable()
  async remind(seconds: number, text: string): Promise<void> {
    await this.schedule(seconds, "add", `⏰ ${text}`);
  }

  @callable()
  finish(id: string): void {
    this.setState({ notes: this.state.notes.filter((note) => note.id !== id) });
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return (await routeAgentRequest(request, env)) ?? new Response("There is nothing here.\n", { status: 404 });
  },
};

// `atoll test` calls this: it passes unless it throws.
export const notebook = {
  async test(_: unknown, env: Env): Promise<void> {
    const agent = await getAgentByName(env.Notebook, "test");
    const { id } = await agent.add("write a test");
    const { notes } = await agent.state;
    if (notes.length !== 1) throw new Error(`${notes.length} notes`);
    await agent.finish(id);
  },
};
