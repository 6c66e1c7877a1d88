import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, type ElicitResult, type Tool } from "@modelcontextprotocol/sdk/types.js";
import { type FormEvent, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

type Question = { message: string; reply: (result: ElicitResult) => void };
type Line = { tool: string; text: string };

const client = new Client({ name: "page", version: "1.0.0" }, { capabilities: { elicitation: {} } });

function Page() {
  const [tools, setTools] = useState<Tool[]>([]);
  const [lines, setLines] = useState<Line[]>([]);
  const [question, setQuestion] = useState<Question>();
  const [problem, setProblem] = useState("");

  useEffect(() => {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) =>
      new Promise<ElicitResult>((reply) => setQuestion({ message: params.message, reply })),
    );
    const connect = async () => {
      await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", location.href)));
      setTools((await client.listTools()).tools);
      await call("look", {});
    };
    connect().catch((error) => setProblem(String(error)));
  }, []);

  const call = async (tool: string, input: Record<string, unknown>) => {
    const { content } = (await client.callTool({ name: tool, arguments: input })) as { content: { text: string }[] };
    setLines((lines) => [{ tool, text: content[0]!.text }, ...lines].slice(0, 12));
  };
  const submit = (tool: Tool) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const input = Object.entries(tool.inputSchema.properties ?? {}).map(([name, schema]) => {
      const value = String(fields.get(name));
      return [name, (schema as { type: string }).type === "string" ? value : Number(value)];
    });
    call(tool.name, Object.fromEntries(input)).catch((error) => setProblem(String(error)));
  };
  const settle = (result: ElicitResult) => {
    question?.reply(result);
    setQuestion(undefined);
  };

  return (
    <>
      <h1>Pantry</h1>
      <p className="hint">This page is an MCP client. So could be your editor: <code>{location.origin}/mcp</code></p>
      {problem !== "" && <p role="alert">{problem}</p>}
      <section>
        {tools.map((tool) => (
          <form key={tool.name} onSubmit={submit(tool)} aria-label={tool.name}>
            <button>{tool.name}</button>
            {Object.entries(tool.inputSchema.properties ?? {}).map(([name, schema]) => (
              <input key={name} name={name} required placeholder={name} aria-label={name} type={(schema as { type: string }).type === "string" ? "text" : "number"} min={1} />
            ))}
            <span className="hint">{tool.description}</span>
          </form>
        ))}
      </section>
      {question !== undefined && (
        <form className="question" aria-label="question" onSubmit={(event) => {
          event.preventDefault();
          settle({ action: "accept", content: { count: Number(new FormData(event.currentTarget).get("count")) } });
        }}>
          <p>{question.message}</p>
          <input name="count" type="number" min={1} defaultValue={1} aria-label="count" required />
          <button>That much</button>
          <button type="button" onClick={() => settle({ action: "decline" })}>Nothing</button>
        </form>
      )}
      <ol aria-live="polite">
        {lines.map((line, index) => (
          <li key={lines.length - index}><b>{line.tool}</b><pre>{line.text}</pre></li>
        ))}
      </ol>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
