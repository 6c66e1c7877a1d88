// The first arguments of `scheduled()` and `test()`.

import { defineInterface } from "./webidl.js";

export class ScheduledController {
  constructor(cron, scheduledTime) {
    this.cron = cron;
    this.scheduledTime = scheduledTime;
  }

  /** Triggers are not retried here, so there is nothing to switch off. */
  noRetry() {}
}

export class TestController {}


defineInterface(ScheduledController);
defineInterface(TestController);
