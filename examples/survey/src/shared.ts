/** What the head knows of a survey. */
export type Survey = {
  question: string;
  /** Each place has a surveyor of this name. */
  places: { surveyor: string; place: string; reported: boolean }[];
  answer: string;
};

/** What one surveyor knows. */
export type Report = { place: string; notes: string[] };

export const NOTES = 3;
