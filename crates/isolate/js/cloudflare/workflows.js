// `cloudflare:workflows`.

/** What a step throws that must not be tried again. */
export class NonRetryableError extends Error {
  constructor(message, name = "NonRetryableError") {
    super(message);
    this.name = name;
  }
}
