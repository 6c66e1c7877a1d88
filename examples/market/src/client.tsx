import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Stall } from "./shared.ts";

const IDEAS = ["What is it all worth?", "Restock what is running out", "Try to escape"];

type Run = { input?: { code?: string }; output?: { result?: unknown }; errorText?: string };

function Program({ run: { input, output, errorText } }: { run: Run }) {
  return (
    <figure>
      <pre><code>{input?.code}</code></pre>
      {output !== undefined && <pre className="result">{JSON.stringify(output.result)}</pre>}
      {errorText !== undefined && <pre className="error">{errorText}</pre>}
    </figure>
  );
}

function Page() {
  const [goods, setGoods] = useState<Stall["goods"]>([]);
  const [text, setText] = useState("");
  const agent = useAgent<Stall>({ agent: "Keeper", name: "stall", onStateUpdate: (state) => setGoods(state.goods) });
  const { messages, sendMessage, clearHistory } = useAgentChat({ agent });
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [messages]);

  const say = (words: string) => {
    if (words.trim() !== "") sendMessage({ text: words.trim() });
    setText("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    say(text);
  };

  return (
    <>
      <header>
        <h1>Market</h1>
        <ul aria-label="Goods">
          {goods.map(({ name, price, count }) => <li key={name}><b>{count}</b> {name} <small>at {price}</small></li>)}
        </ul>
        <button type="button" className="quiet" onClick={clearHistory}>Clear</button>
      </header>
      <main>
        {messages.length === 0 && <p className="hint">The keeper writes a program for what you ask. It runs in a process of its own, with two tools and nothing else.</p>}
        {messages.map((message) => (
          <article key={message.id} className={message.role}>
            {message.parts.map((part, index) => {
              if (part.type === "text") return <p key={index}>{part.text}</p>;
              if (part.type === "tool-codemode") return <Program key={index} run={part as Run} />;
              return null;
            })}
          </article>
        ))}
        <div ref={end} />
      </main>
      <form onSubmit={submit}>
        <div>{IDEAS.map((idea) => <button key={idea} type="button" className="quiet" onClick={() => say(idea)}>{idea}</button>)}</div>
        <input name="text" value={text} placeholder="Ask the keeper" autoComplete="off" aria-label="Message" onChange={(event) => setText(event.target.value)} />
        <button>Ask</button>
      </form>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
