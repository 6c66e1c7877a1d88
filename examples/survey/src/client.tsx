import { useAgent } from "agents/react";
import { type FormEvent, useState } from "react";
import { createRoot } from "react-dom/client";
import { NOTES, type Report, type Survey } from "./shared.ts";

const HEAD = { agent: "Head", name: "office" };

/** One surveyor, whom the page hears directly. */
function Surveyor({ name, place, reported }: { name: string; place: string; reported: boolean }) {
  const [report, setReport] = useState<Report>({ place: "", notes: [] });
  useAgent<Report>({ ...HEAD, sub: [{ agent: "Surveyor", name }], onStateUpdate: setReport });
  return (
    <article aria-label={place} className={reported ? "reported" : undefined}>
      <h2>{place}</h2>
      <progress max={NOTES} value={report.notes.length} />
      <ol>{report.notes.map((note) => <li key={note}>{note}</li>)}</ol>
    </article>
  );
}

function Page() {
  const [survey, setSurvey] = useState<Survey>({ question: "", places: [], answer: "" });
  const [question, setQuestion] = useState("How is the atoll?");
  const head = useAgent<Survey>({ ...HEAD, onStateUpdate: setSurvey });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    head.call("begin", [question]).catch(console.error);
  };
  const busy = survey.places.length > 0 && survey.answer === "";

  return (
    <>
      <header>
        <h1>Survey</h1>
        <button type="button" onClick={() => head.call("clear")}>Clear</button>
      </header>
      <form onSubmit={submit}>
        <input value={question} aria-label="Question" onChange={(event) => setQuestion(event.target.value)} />
        <button disabled={busy}>Ask</button>
      </form>
      <main>
        {survey.question === "" && <p className="hint">The head names places to look at and starts a sub-agent for each.</p>}
        {survey.places.map(({ surveyor, ...place }) => <Surveyor key={survey.question + surveyor} name={surveyor} {...place} />)}
      </main>
      {survey.answer !== "" && <footer>{survey.answer}</footer>}
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
