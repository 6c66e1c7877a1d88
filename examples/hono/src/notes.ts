import type { Context } from "hono";
import { getSignedCookie, setSignedCookie } from "hono/cookie";
import type { App } from "./env";

export interface Note {
  id: string;
  text: string;
  done: boolean;
}

const COOKIE = "notes";
const MOST = 12;
const LONGEST = 80;

/** The notes live in a signed cookie: the worker itself remembers nothing between requests. */
export async function readNotes(c: Context<App>): Promise<Note[]> {
  const cookie = await getSignedCookie(c, c.env.COOKIE_SECRET, COOKIE);
  if (!cookie) return [];
  return JSON.parse(cookie) as Note[];
}

export async function writeNotes(c: Context<App>, notes: Note[]): Promise<void> {
  await setSignedCookie(c, COOKIE, JSON.stringify(notes), c.env.COOKIE_SECRET, {
    httpOnly: true,
    path: "/",
    sameSite: "Lax",
    maxAge: 30 * 24 * 60 * 60,
  });
}

export function addNote(notes: Note[], text: string): Note[] {
  const trimmed = text.trim().slice(0, LONGEST);
  if (!trimmed) return notes;
  const note = { id: crypto.randomUUID().slice(0, 8), text: trimmed, done: false };
  return [note, ...notes].slice(0, MOST);
}

export function toggleNote(notes: Note[], id: string): Note[] {
  return notes.map((note) => (note.id === id ? { ...note, done: !note.done } : note));
}

export function removeNote(notes: Note[], id: string): Note[] {
  return notes.filter((note) => note.id !== id);
}
