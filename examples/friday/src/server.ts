import { Agent, callable, routeAgentRequest } from "agents";
import { createAI } from "agents/models/ai-sdk";
import { generateText } from "ai";
import type { Desk } from "./shared.ts";

type Env = { AI: never; Editor: DurableObjectNamespace };

const FRIDAYS_AT_21 = "0 21 * * 5";

/** Gathers notes, and every Friday at 21:00 (UTC) writes the update, whether anybody is there or not. */
export class Editor extends Agent<Env, Desk> {
  initialState: Desk = { notes: [], updates: [], next: undefined };

  async onStart() {
    // The same schedule, however often the agent starts.
    const schedule = await this.schedule(FRIDAYS_AT_21, "write", undefined, { idempotent: true });
    this.setState({ ...this.state, next: schedule.time * 1000 });
  }

  @callable()
  gather(note: string) {
    const text = note.trim().slice(0, 280);
    if (text !== "") this.setState({ ...this.state, notes: [...this.state.notes, text] });
  }

  async write() {
    const { notes } = this.state;
    const ai = createAI({ binding: this.env.AI });
    const { text } = await generateText({
      model: ai("atoll/editor"),
      system: "You write the weekly update of a small team, from its notes.",
      prompt: notes.length === 0 ? "Nothing happened." : notes.map((note) => `${note}.`).join(" "),
    });
    const [schedule] = await this.listSchedules({ type: "cron" });
    this.setState({
      notes: this.state.notes.slice(notes.length),
      updates: [{ at: Date.now(), text }, ...this.state.updates].slice(0, 20),
      next: schedule && schedule.time * 1000,
    });
  }
}

export default {
  async fetch(request: Request, env: Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
