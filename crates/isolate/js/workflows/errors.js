// Errors of Workflows, and errors as they are kept.

export class WorkflowError extends Error {
  name = "WorkflowError";
}

/** What no retry helps against. */
export class WorkflowFatalError extends Error {
  name = "WorkflowFatalError";
}

export class WorkflowTimeoutError extends Error {
  name = "WorkflowTimeoutError";
}

export class WorkflowInternalError extends Error {
  name = "WorkflowInternalError";
}

/** @param {string} code "instance.not_found" and the like */
export const workflowError = (message, code) => new WorkflowError(`(${code}) ${message}`);

/** Whether a step that failed so must not be tried again. */
export const isFatal = (error) => error instanceof WorkflowFatalError || error?.name === "NonRetryableError";

/** An error as it is stored. */
export function toRecord(error) {
  if (typeof error === "object" && error !== null && "message" in error) {
    return { name: String(error.name ?? "Error"), message: String(error.message) };
  }
  return { name: "Error", message: String(error) };
}

/** A stored error as it is thrown. */
export function fromRecord({ name, message }) {
  const error = new Error(message);
  if (name !== "Error") Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return error;
}
