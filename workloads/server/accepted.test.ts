import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { Accepted } from "./accepted.ts";
import { Stopped } from "./stopped.ts";

const response = () => new EventEmitter() as ServerResponse;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

it("tells when all work is done, also such that failed", async () => {
  const accepted = new Accepted();
  await accepted.empty();
  const work = Promise.withResolvers<string>();
  const done = accepted.run(response(), () => work.promise);
  const failed = accepted.run(response(), () => Promise.reject(new Error("no")));
  await expect(failed).rejects.toThrow("no");
  let empty = false;
  const told = accepted.empty().then(() => {
    empty = true;
  });
  await Promise.resolve();
  expect(empty).toBe(false);
  work.resolve("done");
  expect(await done).toBe("done");
  await told;
});

it("ends the work of a client that leaves, and no other", async () => {
  const accepted = new Accepted();
  const [leaver, stayer] = [response(), response()];
  const left = accepted.run(leaver, untilAborted);
  const stayed = accepted.run(stayer, untilAborted);
  leaver.emit("close");
  await expect(left).rejects.toEqual(new Stopped("gone"));
  accepted.stop();
  await expect(stayed).rejects.toEqual(new Stopped("stopped"));
  expect(stayer.listenerCount("close")).toBe(0);
});
