const [form, description, ideas, state, plain, frame, source] = ["form", "description", "ideas", "state", "plain", "frame", "source"].map((id) =>
  document.getElementById(id),
);

const IDEAS = [
  "A list of tasks that I can tick off",
  "A Markdown editor for notes",
  "A poster, in plain HTML",
  "A counter with plus and minus",
  "A spy that steals secrets",
];

let name;

function show() {
  if (name !== undefined) frame.src = `/component/${name}/${plain.checked ? "?plain" : ""}`;
}

async function make() {
  state.textContent = "Building…";
  const response = await fetch("/make", { method: "POST", body: description.value });
  const made = response.ok ? await response.json() : { error: await response.text() };
  source.textContent = made.source ?? "";
  name = made.error === undefined ? made.name : undefined;
  if (name === undefined) frame.removeAttribute("src");
  const known = made.known === false ? "The stand-in for a model does not know that one. Here is a counter. " : "";
  const lines = made.error ?? [made.kept ? "It was built before." : `Ready in ${made.ms} ms.`, ...made.warnings].join("\n");
  state.textContent = known + lines;
  show();
}

for (const idea of IDEAS) {
  const button = document.createElement("button");
  button.textContent = idea;
  button.addEventListener("click", () => {
    description.value = idea;
    make();
  });
  ideas.append(button);
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});
plain.addEventListener("change", show);
make();
