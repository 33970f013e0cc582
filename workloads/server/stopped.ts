/** Why an accepted upload ends early: `gone`, its client left; `stopped`, the worker's drain ran out of time. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly outcome: "gone" | "stopped";

  constructor(outcome: "gone" | "stopped") {
    super(outcome);
    this.outcome = outcome;
  }
}
