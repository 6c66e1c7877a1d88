import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { Agent, callable, getAgentByName, routeAgentRequest, type FiberContext, type FiberRecoveryContext, type StreamingResponse } from "agents";
import { convertToModelMessages, isStepCount, streamText, tool, type StreamTextOnFinishCallback, type ToolSet } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

type Env = { AI: never; Counter: never; Chat: never };
type State = { count: number };

/** State, methods, schedules, a queue, sub-agents and fibers. */
export class Counter extends Agent<Env, State> {
  static options = { keepAliveIntervalMs: 2_000 };
  initialState: State = { count: 0 };

  validateStateChange(next: State) {
    if (next.count < 0) throw new Error("a count is not negative");
  }

  @callable()
  increment(by: number) {
    this.setState({ count: this.state.count + by });
    return this.state.count;
  }

  secret() {
    return "never";
  }

  @callable({ streaming: true })
  async upTo(stream: StreamingResponse, last: number) {
    for (let number = 1; number < last; number += 1) stream.send(number);
    stream.end(last);
  }

  #note(text: string) {
    this.sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)`;
    this.sql`INSERT INTO notes (text) VALUES (${text})`;
  }

  @callable()
  notes() {
    this.sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)`;
    return this.sql<{ text: string }>`SELECT text FROM notes ORDER BY id`.map(({ text }) => text);
  }

  @callable()
  async later() {
    await this.schedule(1, "ring", { text: "delayed" });
    await this.schedule(new Date(Date.now() + 1500), "ring", { text: "dated" });
    await this.schedule("0 8 * * 1", "ring", { text: "cron" });
    const never = await this.schedule(3600, "ring", { text: "never" });
    await this.cancelSchedule(never.id);
    for (const text of ["first", "second"]) await this.queue("ring", { text });
  }

  ring({ text }: { text: string }) {
    this.#note(text);
  }

  @callable()
  async inside(name: string) {
    const child = await this.subAgent(Part, name);
    return [await child.add(1), await child.add(2), this.hasSubAgent(Part, name)];
  }

  @callable()
  async long() {
    void this.runFiber("long", async (fiber: FiberContext) => {
      fiber.stash({ step: 1 });
      this.#note("began");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    }).catch(() => {});
  }

  async onFiberRecovered(fiber: FiberRecoveryContext) {
    this.#note(`recovered ${fiber.name} ${JSON.stringify(fiber.snapshot)}`);
  }
}

/** Lives inside a Counter, with a state of its own. */
export class Part extends Agent<Env, State> {
  initialState: State = { count: 10 };
  add(by: number) {
    this.setState({ count: this.state.count + by });
    return this.state.count;
  }
}

/** A chat with a tool. */
export class Chat extends AIChatAgent<Env> {
  async onChatMessage(_: StreamTextOnFinishCallback<ToolSet>, options?: OnChatMessageOptions) {
    const answer = streamText({
      model: createWorkersAI({ binding: this.env.AI })("@cf/test/scripted"),
      messages: await convertToModelMessages(this.messages),
      abortSignal: options?.abortSignal,
      stopWhen: isStepCount(5),
      tools: {
        addNumbers: tool({
          description: "Adds two numbers",
          inputSchema: z.object({ a: z.number(), b: z.number() }),
          execute: async ({ a, b }) => ({ sum: a + b }),
        }),
      },
    });
    return answer.toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Env) {
    if (new URL(request.url).pathname === "/by-name") {
      const agent = await getAgentByName<Env, Counter>(env.Counter, "named");
      return Response.json(await agent.increment(5));
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
