import { expect, test } from "vitest";
import { waitUntil } from "./ready.ts";

test("asks until the answer is yes; a throw counts as no", async () => {
  let asked = 0;
  await waitUntil(
    "it",
    () => {
      asked++;
      if (asked === 1) throw new Error("not yet");
      return asked === 3;
    },
    { timeoutMs: 30_000, everyMs: 1 },
  );
  expect(asked).toBe(3);
});

test("says what was awaited and why it did not come", async () => {
  const never = () => {
    throw new Error("nobody listens");
  };
  await expect(waitUntil("the answer", never, { timeoutMs: 20, everyMs: 1 })).rejects.toMatchObject({
    code: "EK_TIMEOUT",
    message: expect.stringMatching(/the answer did not happen.*nobody listens/),
  });
});

test("stops waiting when there is no point", async () => {
  const giveUp = () => {
    throw new Error("it ended");
  };
  await expect(waitUntil("it", () => false, { timeoutMs: 60_000, giveUp })).rejects.toThrow("it ended");
});
