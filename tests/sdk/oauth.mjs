// An MCP server that lets in who has signed in: OAuth as MCP clients do it, with registration and PKCE.

import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

/** Starts one. `asked` has what clients did, `revoke()` makes their tokens worthless, and `url` is where the MCP server is. */
export async function guarded() {
  const clients = new Map();
  const codes = new Map();
  const tokens = new Map();
  const refreshes = new Map();
  const asked = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, origin);
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks).toString();
    const json = (status, value, headers = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    const issue = (client) => {
      const [access, refresh] = [randomUUID(), randomUUID()];
      tokens.set(access, client);
      refreshes.set(refresh, client);
      json(200, { access_token: access, refresh_token: refresh, token_type: "Bearer", expires_in: 3600 });
    };
    const routes = {
      "/.well-known/oauth-protected-resource": () => json(200, { resource: `${origin}/mcp`, authorization_servers: [origin] }),
      "/.well-known/oauth-authorization-server": () =>
        json(200, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          registration_endpoint: `${origin}/register`,
          response_types_supported: ["code"],
          grant_types_supported: ["authorization_code", "refresh_token"],
          code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["none"],
        }),
      "/register": () => {
        asked.push("registered");
        const client = { ...JSON.parse(body), client_id: randomUUID() };
        clients.set(client.client_id, client);
        json(201, client);
      },
      // Whoever comes here says yes.
      "/authorize": () => {
        const client = clients.get(url.searchParams.get("client_id"));
        const back = url.searchParams.get("redirect_uri");
        if (!client?.redirect_uris.includes(back) || url.searchParams.get("code_challenge_method") !== "S256") return json(400, {});
        asked.push("authorized");
        const code = randomUUID();
        codes.set(code, { client: client.client_id, challenge: url.searchParams.get("code_challenge") });
        const to = new URL(back);
        to.searchParams.set("code", code);
        to.searchParams.set("state", url.searchParams.get("state"));
        response.writeHead(302, { location: to.href }).end();
      },
      "/token": () => {
        const form = new URLSearchParams(body);
        if (form.get("grant_type") === "refresh_token") {
          const client = refreshes.get(form.get("refresh_token"));
          if (client === undefined) return json(400, { error: "invalid_grant" });
          refreshes.delete(form.get("refresh_token"));
          asked.push("refreshed");
          return issue(client);
        }
        const grant = codes.get(form.get("code"));
        codes.delete(form.get("code"));
        const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
        if (grant?.challenge !== challenge || grant.client !== form.get("client_id")) return json(400, { error: "invalid_grant" });
        asked.push("got a token");
        issue(grant.client);
      },
      "/mcp": async () => {
        const client = tokens.get(/^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1]);
        if (client === undefined) {
          const where = `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource"`;
          return json(401, { error: "invalid_token" }, { "www-authenticate": where });
        }
        const mcp = new McpServer({ name: "guarded", version: "1.0.0" });
        mcp.tool("whoami", "Says who calls", {}, () => ({ content: [{ type: "text", text: clients.get(client).client_name }] }));
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
        await mcp.connect(transport);
        await transport.handleRequest(request, response, body === "" ? undefined : JSON.parse(body));
      },
    };
    const path = url.pathname.replace(/^(\/\.well-known\/[^/]+)\/mcp$/, "$1");
    if (path in routes) await routes[path]();
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `${origin}/mcp`, asked, revoke: () => tokens.clear(), close };
}
