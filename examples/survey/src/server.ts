import { Agent, callable, routeAgentRequest } from "agents";
import { createAI } from "agents/models/ai-sdk";
import { generateText } from "ai";
import { NOTES, type Report, type Survey } from "./shared.ts";

type Env = { AI: never; Head: DurableObjectNamespace };

const NOTHING: Survey = { question: "", places: [], answer: "" };

async function write(env: Env, prompt: string) {
  const model = createAI({ binding: env.AI })("atoll/surveyor");
  const { text } = await generateText({ model, system: "You survey an atoll. One sentence, unless asked for more.", prompt });
  return text;
}

/** Splits a question among surveyors, and makes one answer of their reports. */
export class Head extends Agent<Env, Survey> {
  initialState = NOTHING;

  @callable()
  async begin(question: string) {
    await this.clear();
    const list = await write(this.env, `Name the places for: ${question}`);
    const places = list.split(";").slice(0, 5).map((place, index) => ({ surveyor: `s${index + 1}`, place: place.trim(), reported: false }));
    this.setState({ question, places, answer: "" });
    await this.#work();
  }

  /** Surveyors go with all that they wrote. */
  @callable()
  async clear() {
    for (const fiber of await this.listFibers({ status: ["pending", "running"] })) await this.cancelFiber(fiber.fiberId);
    for (const { name } of await this.dynamicAgents.list(Surveyor)) await this.dynamicAgents.delete(Surveyor, name);
    this.setState(NOTHING);
  }

  /** A fiber: if it is interrupted by the death of its process, `onFiberRecovered` hears of it. */
  async #work() {
    await this.startFiber("survey", async () => {
      const reports = await Promise.all(this.state.places.map(({ surveyor, place }) => this.#report(surveyor, place)));
      const answer = await write(this.env, `Found: ${reports.join(" ")}`);
      this.setState({ ...this.state, answer });
    });
  }

  async #report(name: string, place: string) {
    const surveyor = await this.dynamicAgents.get(Surveyor, name);
    const report = await surveyor.survey(place);
    const places = this.state.places.map((other) => (other.surveyor === name ? { ...other, reported: true } : other));
    this.setState({ ...this.state, places });
    return report;
  }

  async onFiberRecovered() {
    // Surveyors know how far they came.
    await this.#work();
    return { status: "completed" as const };
  }
}

/** Looks at one place. It lives inside its head, with a state and a database of its own. */
export class Surveyor extends Agent<Env, Report> {
  initialState: Report = { place: "", notes: [] };

  async survey(place: string) {
    this.setState({ ...this.state, place });
    while (this.state.notes.length < NOTES) {
      const note = await write(this.env, `Note ${this.state.notes.length + 1} on ${place}`);
      this.setState({ place, notes: [...this.state.notes, note] });
    }
    return this.state.notes.join(" ");
  }
}

export default {
  async fetch(request: Request, env: Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
