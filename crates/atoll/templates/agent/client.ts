import { AgentClient } from "agents/client";
import type { Notes } from "./notes";

const list = document.querySelector("ul")!;
const form = document.querySelector("form")!;

const agent = new AgentClient<unknown, Notes>({
  agent: "notebook",
  name: "mine",
  host: location.host,
  onStateUpdate: show,
});

function show({ notes }: Notes): void {
  list.replaceChildren(
    ...notes.map(({ id, text }) => {
      const item = document.createElement("li");
      item.textContent = text;
      item.title = "done";
      item.onclick = () => agent.call("finish", [id]);
      return item;
    }),
  );
}

form.onsubmit = (event) => {
  event.preventDefault();
  const text = form.querySelector("input")!;
  const later = (event.submitter as HTMLButtonElement).value === "later";
  agent.call(later ? "remind" : "add", later ? [10, text.value] : [text.value]);
  text.value = "";
};
