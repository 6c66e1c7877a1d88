import { useAgent } from "agents/react";
import { type FormEvent, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Desk } from "./shared.ts";

const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

function Page() {
  const [desk, setDesk] = useState<Desk>();
  const [note, setNote] = useState("");
  const agent = useAgent<Desk>({ agent: "Editor", name: "team", onStateUpdate: setDesk });

  const gather = async (event: FormEvent) => {
    event.preventDefault();
    if (note.trim() === "") return;
    await agent.call("gather", [note]);
    setNote("");
  };
  /** Only `atoll dev` has a clock that can be moved. */
  const skip = () => desk?.next !== undefined && fetch(`/cdn-cgi/handler/clock?to=${desk.next}`, { method: "POST" });

  if (desk === undefined) return <p className="hint">Connecting…</p>;
  return (
    <>
      <header>
        <h1>The Friday update</h1>
        <p className="hint">
          {desk.next !== undefined && <>Written on <time>{day.format(desk.next)}</time> UTC. </>}
          <button type="button" className="quiet" onClick={skip}>It is Friday already</button>
        </p>
      </header>
      <section>
        <h2>Gathered so far</h2>
        <ul className="notes">{desk.notes.map((text, index) => <li key={index}>{text}</li>)}</ul>
        <form onSubmit={gather}>
          <input value={note} maxLength={280} placeholder="What happened?" aria-label="Note" onChange={(event) => setNote(event.target.value)} />
          <button>Add</button>
        </form>
      </section>
      <section>
        <h2>Updates</h2>
        {desk.updates.length === 0 && <p className="hint">None yet. The editor works on Fridays only.</p>}
        {desk.updates.map(({ at, text }) => (
          <article key={at}>
            <time>{day.format(at)}</time>
            <p>{text}</p>
          </article>
        ))}
      </section>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
