/** What everybody sees of the editor. */
export type Desk = {
  /** Gathered since the last update. */
  notes: string[];
  updates: { at: number; text: string }[];
  /** When the next update is due, in milliseconds. */
  next: number | undefined;
};
