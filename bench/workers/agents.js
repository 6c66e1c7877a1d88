import { Agent, routeAgentRequest } from "agents";

export class Counter extends Agent {
  initialState = { count: 0 };

  onRequest() {
    return Response.json(this.state);
  }

  onMessage() {
    this.setState({ count: this.state.count + 1 });
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("fine");
  },
};
