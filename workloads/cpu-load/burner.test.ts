import { expect, it, vi } from "vitest";
import { Burner } from "./burner.ts";

vi.setConfig({ testTimeout: 60_000 });

const never = new AbortController().signal;

it("burns on several threads, and reports how long", async () => {
  const burner = new Burner(2);
  const done = await Promise.all([burner.burn(30, never), burner.burn(30, never), burner.burn(30, never)]);
  for (const { durationMs, result } of done) {
    expect(durationMs).toBeGreaterThanOrEqual(30);
    expect(result).toBeGreaterThan(0);
  }
  await burner.close();
});

it("a signal ends a burn at once, and the thread goes on with the next", async () => {
  const burner = new Burner(1);
  const gone = new AbortController();
  const long = burner.burn(600_000, gone.signal);
  gone.abort(new Error("no more"));
  await expect(long).rejects.toThrow("no more");
  expect((await burner.burn(10, never)).durationMs).toBeGreaterThanOrEqual(10);
  await expect(burner.burn(10, gone.signal)).rejects.toThrow("no more");
  await burner.close();
});

it("burns that run when it is closed fail", async () => {
  const burner = new Burner(1);
  const long = burner.burn(600_000, never);
  const failed = expect(long).rejects.toThrow("the burning thread ended");
  await burner.close();
  await failed;
  await expect(burner.burn(1, never)).rejects.toThrow("closed");
});
