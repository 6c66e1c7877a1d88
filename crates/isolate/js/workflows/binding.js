// Workflow bindings (https://developers.cloudflare.com/workflows/build/workers-api/#call-workflows-from-workers).

import { makeNamespace } from "../objects/namespace.js";
import { defineInterface, illegalConstructor, toDictionary, toUSVString } from "../webidl.js";
import { remember } from "../services/stored.js";
import { WorkflowError, workflowError } from "./errors.js";

const token = Symbol("Workflow");
const INSTANCE_ID = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$/;
const MAX_BATCH = 100;

/** An error of the instance, as if it were from here. */
const rethrow = (error) => {
  const { name, message } = error;
  const own = name === "WorkflowError" ? new WorkflowError(message) : new Error(message);
  for (const flag of ["retryable", "overloaded"]) if (error[flag]) own[flag] = true;
  throw own;
};

/** Why an instance could not be deleted, as a batch tells it. */
const failureOf = (id, { message }) =>
  message.includes("(instance.not_found)")
    ? { id, code: 10400, message: "workflows.api.error.instance.not_found" }
    : { id, code: 10001, message: "workflows.api.error.internal_server" };

// What follows a call is a reaction, not the rest of an async function: reactions run for the same event.

/** One instance, as others see it. */
export class WorkflowInstance {
  #stub;

  constructor(key, id, stub) {
    if (key !== token) throw illegalConstructor();
    this.#stub = stub;
    Object.defineProperty(this, "id", { value: id, enumerable: true });
  }

  #ask(method, ...args) {
    return Promise.try(() => this.#stub[method](...args)).catch(rethrow);
  }

  status() {
    return this.#ask("status").then(({ status, error, output }) => (error === undefined ? { status, output } : { status, error, output }));
  }

  pause() {
    return this.#ask("pause");
  }

  resume() {
    return this.#ask("resume");
  }

  terminate(options = undefined) {
    return this.#ask("terminate", options);
  }

  delete() {
    return this.#ask("delete");
  }

  restart(options = undefined) {
    return this.#ask("restart", options);
  }

  sendEvent(event) {
    return Promise.try(() => {
      const { type, payload } = toDictionary(event, "WorkflowEvent", "'sendEvent' on 'WorkflowInstance'", 1);
      return this.#ask("sendEvent", { type, payload });
    });
  }
}
defineInterface(WorkflowInstance, { receiver: true });

/** `env.NAME` of a Workflow. */
export class Workflow {
  #namespace;
  #name;

  constructor(key, name, held, namespaceKey) {
    if (key !== token) throw illegalConstructor();
    this.#namespace = makeNamespace(held.capability, namespaceKey);
    this.#name = name;
    remember(this, "workflow", held, name);
  }

  #stub(id) {
    return this.#namespace.getByName(id);
  }

  #instance(id) {
    return new WorkflowInstance(token, id, this.#stub(id));
  }

  create(options = undefined) {
    return Promise.try(() => {
      const { id, params, retention } = toDictionary(options, "WorkflowInstanceCreateOptions", "'create' on 'Workflow'", 1);
      const name = id === undefined ? crypto.randomUUID() : toUSVString(id);
      if (!INSTANCE_ID.test(name)) throw new WorkflowError("Workflow instance has invalid id");
      return this.#stub(name)
        .create(name, this.#name, params ?? {}, retention)
        .then(() => this.#instance(name))
        .catch(rethrow);
    });
  }

  createBatch(batch) {
    return Promise.try(() => {
      const all = Array.from(batch);
      if (all.length === 0) throw new Error("WorkflowError: batchCreate should have at least 1 instance");
      if (all.length > MAX_BATCH) throw new Error(`WorkflowError: batchCreate only supports ${MAX_BATCH} instances at a time`);
      // Those that are there already are left out.
      const create = (options) =>
        this.create(options).catch((error) => {
          if (error.message.startsWith("(instance.already_exists)")) return undefined;
          throw error;
        });
      return Promise.all(all.map(create)).then((created) => created.filter((instance) => instance !== undefined));
    });
  }

  deleteBatch(ids) {
    return Promise.try(() => {
      if (!Array.isArray(ids)) throw workflowError("Provided argument is invalid", "body");
      if (ids.length > MAX_BATCH) {
        throw workflowError(`batchDeleteInstances only supports ${MAX_BATCH} instances at a time`, "body");
      }
      if (ids.length === 0) throw workflowError("batchDeleteInstances should have at least 1 instance", "body");
      if (!ids.every((id) => typeof id === "string" && INSTANCE_ID.test(id))) {
        throw workflowError("Instance ID is invalid", "instance.invalid_id");
      }
      const outcome = (id) =>
        this.#stub(id)
          .delete()
          .then(() => undefined, (error) => failureOf(id, error));
      const outcomes = new Map([...new Set(ids)].map((id) => [id, outcome(id)]));
      return Promise.all(ids.map((id) => outcomes.get(id))).then((failures) => ({
        deleted: ids.filter((_, index) => failures[index] === undefined).map((id) => ({ id })),
        errors: failures.filter((failure) => failure !== undefined),
      }));
    });
  }

  get(id) {
    return Promise.try(() => {
      const name = toUSVString(id);
      return this.#stub(name)
        .exists()
        .then((exists) => {
          if (!exists) throw new Error("instance.not_found");
          return this.#instance(name);
        }, rethrow);
    });
  }
}
defineInterface(Workflow, { receiver: true });

/**
 * The value of a Workflow binding.
 * @param {string} name that of the Workflow
 * @param {{ capability: number }} held the namespace of its instances
 * @param {ArrayBuffer} key
 */
export const makeWorkflow = (name, held, key) => new Workflow(token, name, held, key);
