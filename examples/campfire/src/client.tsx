import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { type FormEvent, StrictMode, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Fire } from "./shared.ts";
import { endOfAnswer, isIdle, useWholeAnswers } from "./whole.ts";

const NAMES = ["Moana", "Tane", "Leilani", "Kai", "Sina", "Manu", "Noelani", "Rangi", "Iolana", "Koa"];
const IDEAS = ["How does an atoll begin?", "Tell us about the night.", "Count to 40"];

const fire = new URL(location.href).searchParams.get("fire") ?? "beach";
const myName = localStorage.getItem("name") ?? NAMES[Math.floor(Math.random() * NAMES.length)]!;
localStorage.setItem("name", myName);

const hue = (name: string) => [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);

function Campfire() {
  const [name, setName] = useState(myName);
  const [text, setText] = useState("");
  const [people, setPeople] = useState<Fire["people"]>([]);
  const [open, setOpen] = useState(false);
  const [ended, setEnded] = useState(0);
  const [idle, setIdle] = useState(0);
  const agent = useAgent<Fire>({
    agent: "Campfire",
    name: fire,
    query: { name: myName },
    onStateUpdate: (state) => setPeople(state.people),
    onMessage: ({ data }) => {
      setEnded((was) => endOfAnswer(data, was));
      if (isIdle(data)) setIdle((times) => times + 1);
    },
    onOpen: () => setOpen(true),
    onClose: () => setOpen(false),
  });
  const { messages, setMessages, sendMessage, clearHistory, status, stop, isStreaming } = useAgentChat({ agent, syncMessagesToServer: false });
  const busy = isStreaming || status === "submitted" || status === "streaming";

  useWholeAnswers(fire, ended, idle, busy, setMessages, stop);

  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [messages]);

  const say = (words: string) => {
    if (words.trim() === "") return;
    sendMessage({ text: words.trim(), metadata: { name } });
    setText("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    say(text);
  };
  const rename = (next: string) => {
    setName(next);
    localStorage.setItem("name", next);
    agent.call("rename", [next]).catch(() => {});
  };

  return (
    <>
      <header>
        <h1>Campfire <small>{fire}</small></h1>
        <ul aria-label="Present">
          {people.map((person) => (
            <li key={person.id} title={person.name} style={{ "--hue": hue(person.name) } as object}>
              {person.name}
            </li>
          ))}
        </ul>
        <button type="button" className="quiet" onClick={clearHistory} disabled={messages.length === 0}>Put it out</button>
      </header>
      <main>
        {messages.length === 0 && (
          <section className="empty">
            <p className="flame" aria-hidden="true">🔥</p>
            <p>Ask the storyteller something. Everybody at this fire hears the answer.</p>
            <p className="hint">Reload in the middle of a sentence, or open a second window: it goes on.</p>
            <p>{IDEAS.map((idea) => <button key={idea} type="button" onClick={() => say(idea)}>{idea}</button>)}</p>
          </section>
        )}
        <ol aria-live="polite">
          {messages.map((message) => {
            const author = (message.metadata as { name?: string } | undefined)?.name ?? "Somebody";
            const words = message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
            const mine = message.role === "user" && author === name;
            return (
              <li key={message.id} className={message.role === "user" ? (mine ? "mine" : "other") : "teller"} style={{ "--hue": hue(author) } as object}>
                {message.role === "user" && !mine && <b>{author}</b>}
                <span>{words}</span>
              </li>
            );
          })}
        </ol>
        {busy && <p className="busy" role="status">the storyteller speaks</p>}
        <div ref={end} />
      </main>
      <form onSubmit={submit}>
        <input name="name" value={name} maxLength={24} aria-label="Your name" onChange={(event) => setName(event.target.value)} onBlur={(event) => rename(event.target.value)} />
        <input name="text" value={text} maxLength={2000} placeholder={open ? "Say something" : "Connecting…"} autoComplete="off" aria-label="Message" onChange={(event) => setText(event.target.value)} />
        {busy ? <button type="button" onClick={() => stop()}>Stop</button> : <button disabled={!open}>Say</button>}
      </form>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><Campfire /></StrictMode>);
