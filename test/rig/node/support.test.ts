import { expect, test } from "vitest";
import { requireNodeSupport } from "./support.ts";

const machine = { platform: "linux", root: true, missing: [] } as const;

test("a Linux machine with root and its tools can run a node", () => {
  expect(() => requireNodeSupport(machine)).not.toThrow();
});

test.each([
  [{ ...machine, platform: "darwin" as const }, "this is darwin"],
  [{ ...machine, root: false }, "needs root"],
  [{ ...machine, missing: ["ip"] }, "ip is not on PATH"],
])("%j cannot, and is told what works instead", (other, reason) => {
  expect(() => requireNodeSupport(other)).toThrow(
    expect.objectContaining({
      code: "EK_RIG_UNSUPPORTED",
      message: expect.stringContaining(reason),
      next: expect.stringContaining("--api-only"),
    }),
  );
});
