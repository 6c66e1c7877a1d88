import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { callable, getCurrentAgent, routeAgentRequest, type Connection } from "agents";
import { createAI } from "agents/models/ai-sdk";
import { convertToModelMessages, streamText, type StreamTextOnEndCallback, type ToolSet } from "ai";
import type { Fire } from "./shared.ts";

type Env = { AI: never; Campfire: DurableObjectNamespace };

/** One fire: its people, everything that was said, and the storyteller who answers. */
export class Campfire extends AIChatAgent<Env, Fire> {
  initialState: Fire = { people: [] };

  onConnect(connection: Connection, { request }: { request: Request }) {
    const name = new URL(request.url).searchParams.get("name") ?? "Somebody";
    this.#seat(connection.id, name);
  }

  onClose(connection: Connection) {
    this.setState({ people: this.state.people.filter(({ id }) => id !== connection.id) });
  }

  /** Whoever is connected can take another name. */
  @callable()
  rename(name: string) {
    const { connection } = getCurrentAgent();
    if (connection !== undefined) this.#seat(connection.id, name);
  }

  #seat(id: string, name: string) {
    const present = new Set([...this.getConnections()].map((connection) => connection.id));
    const others = this.state.people.filter((person) => person.id !== id && present.has(person.id));
    this.setState({ people: [...others, { id, name: name.trim().slice(0, 24) || "Somebody" }] });
  }

  async onChatMessage(_onEnd: StreamTextOnEndCallback<ToolSet>, options?: OnChatMessageOptions) {
    const ai = createAI({ binding: this.env.AI });
    const answer = streamText({
      model: ai("atoll/storyteller"),
      system: "You tell stories at a campfire by the sea. Several people listen and ask.",
      messages: await convertToModelMessages(this.messages),
      abortSignal: options?.abortSignal,
    });
    return answer.toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
