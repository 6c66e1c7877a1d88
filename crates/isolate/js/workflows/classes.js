// The classes of objects that the instances of this worker's Workflows are.

import { WorkflowInstanceObject } from "./instance.js";

/** How the class of a Workflow's instances is called: a name that no export has. */
const PREFIX = "workflow~";

/** @type {Map<string, typeof WorkflowInstanceObject>} */
const classes = new Map();

/**
 * A Workflow of this worker.
 * @param {string} name
 * @param {() => Function} find gives its class
 * @param {number} steps how many it may take
 */
export function defineWorkflow(name, find, steps) {
  classes.set(
    PREFIX + name,
    class extends WorkflowInstanceObject {
      constructor(ctx, env) {
        super(ctx, env, { find, steps });
      }
    },
  );
}

/** The class of the objects that a Workflow's instances are; undefined for what is none. @param {string} name */
export const instanceClass = (name) => classes.get(name);
