import { Agent, callable, getCurrentAgent, StreamingResponse, type Connection, type ConnectionContext } from "agents";

type State = { count: number; last: string };

/** State, methods, streams, connections. */
export class Counter extends Agent<Env, State> {
  initialState: State = { count: 0, last: "nobody" };
  changes: string[] = [];

  shouldConnectionBeReadonly(_: Connection, { request }: ConnectionContext) {
    return new URL(request.url).searchParams.has("readonly");
  }

  validateStateChange(next: State) {
    if (next.count < 0) throw new Error("a count is not negative");
  }

  onStateChanged(state: State, source: Connection | "server") {
    this.changes.push(`${source === "server" ? "server" : "client"}:${state.count}`);
  }

  @callable()
  increment(by: number) {
    this.setState({ count: this.state.count + by, last: "rpc" });
    return this.state.count;
  }

  @callable()
  async who() {
    await Promise.resolve();
    const { agent, connection } = getCurrentAgent<Counter>();
    return { agent: agent?.name, connected: connection !== undefined, seen: this.changes };
  }

  @callable()
  fail() {
    throw new RangeError("on purpose");
  }

  @callable({ streaming: true })
  async count(stream: StreamingResponse, to: number) {
    for (let number = 1; number < to; number += 1) {
      stream.send(number);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stream.end(to);
  }

  secret() {
    return "never";
  }

  onMessage(connection: Connection, message: string) {
    if (message === "ping all") this.broadcast("pong", [connection.id]);
    else connection.send(`echo ${message}`);
  }

  async onRequest(request: Request) {
    const rows = this.sql<{ two: number }>`SELECT 1 + ${1} AS two`;
    return Response.json({ path: new URL(request.url).pathname, name: this.name, two: rows[0]!.two, ...this.state });
  }
}
