// What a worker's compatibility date and flags turn on.

let date = "";
/** @type {Set<string>} */
let flags = new Set();

/** @param {string} newDate @param {string[]} newFlags */
export function setCompatibility(newDate, newFlags) {
  date = newDate;
  flags = new Set(newFlags);
}

/**
 * Whether a behaviour is on: by its flag, or from the date on that made it the default.
 * @param {{ on: string, off: string, since: string }} flag
 */
export const isOn = ({ on, off, since }) => flags.has(on) || (date >= since && !flags.has(off));

export const DELETE_ALL_DELETES_ALARM = {
  on: "delete_all_deletes_alarm",
  off: "delete_all_preserves_alarm",
  since: "2026-02-24",
};
