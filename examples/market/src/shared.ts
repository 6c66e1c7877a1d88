export type Good = { name: string; price: number; count: number };
export type Stall = { goods: Good[] };
