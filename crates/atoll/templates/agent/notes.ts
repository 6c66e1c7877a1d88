export type Note = { id: string; text: string; done: boolean };
export type Notes = { notes: Note[] };
