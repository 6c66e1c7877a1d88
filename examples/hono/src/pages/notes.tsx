import type { FC } from "hono/jsx";
import type { Note } from "../notes";

export const Notes: FC<{ notes: Note[] }> = ({ notes }) => {
  const open = notes.filter((note) => !note.done).length;
  return (
    <>
      <h1>Notes</h1>
      <form method="post" action="/notes" class="row">
        <input name="text" placeholder="What should not be forgotten?" maxlength={80} required autofocus />
        <button>Add</button>
      </form>
      {notes.length === 0 ? (
        <p class="empty">Nothing yet.</p>
      ) : (
        <ul class="notes">
          {notes.map((note) => (
            <li class={note.done ? "done" : ""}>
              <form method="post" action={`/notes/${note.id}/toggle`}>
                <button class="check" aria-label={note.done ? "Mark as open" : "Mark as done"}>
                  {note.done ? "✓" : ""}
                </button>
              </form>
              <span>{note.text}</span>
              <form method="post" action={`/notes/${note.id}/remove`}>
                <button class="remove" aria-label="Remove">
                  ×
                </button>
              </form>
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">
        {open} open. The list is in a cookie that only this worker can sign.
      </p>
    </>
  );
};
