import { expect, it } from "vitest";
import { EvenkeelError } from "../../common/errors.ts";
import { FakeApi } from "../../common/kubernetes/fake-api.ts";
import { type Check, examine, exitCodeOf } from "./check.ts";
import { CHECKS } from "./checks.ts";
import type { Finding } from "./finding.ts";
import { Look } from "./look.ts";
import { jsonReport, textReport } from "./report.ts";

const scope = { namespace: "", systemNamespace: "evenkeel", istioNamespace: "istio-system", consoleUrl: "" };
const look = () => new Look(new FakeApi().client(), scope, 0);
const check = (name: string, run: Check["run"]): Check => ({ name, looksFor: name, run });
const finding: Finding = { check: "a", what: "it is broken", where: "Pod a/b", seen: "one\n  | two", mend: "x\ny" };
const forbidden = new EvenkeelError("EK_KUBE_FORBIDDEN", "cannot list pods", { where: "https://k", next: "bind it" });
const fails = async () => {
  throw forbidden;
};

it.each([
  ["nothing wrong", [check("a", async () => [])], 0],
  ["a finding", [check("a", async () => [finding])], 1],
  ["unseen", [check("a", async () => []), check("b", fails)], 2],
  ["both", [check("a", async () => [finding]), check("b", fails)], 1],
])("%s", async (_, checks, code) => {
  expect(exitCodeOf(await examine(look(), checks))).toBe(code);
});

it("reports for a person and for a program", async () => {
  const seen = await examine(look(), [check("a", async () => [finding]), check("b", fails), check("c", fails)]);
  expect(textReport("https://k", seen)).toBe(`1. it is broken  [a]
   where  Pod a/b
   seen   one
            | two
   mend   x
          y

Not looked at: b, c
   seen   EK_KUBE_FORBIDDEN https://k: cannot list pods
   next   bind it

1 of 3 checks of https://k: 1 fault
`);
  expect(JSON.parse(jsonReport("https://k", seen))).toEqual({
    server: "https://k",
    checks: ["a", "b", "c"],
    findings: [finding],
    unseen: ["b", "c"].map((name) => ({
      check: name,
      why: "EK_KUBE_FORBIDDEN https://k: cannot list pods",
      next: "bind it",
    })),
  });
});

it("tells the others when one breaks", async () => {
  const broken = check("a", async () => {
    throw new TypeError("a mistake of ours");
  });
  expect(await examine(look(), [broken, check("b", async () => [finding])])).toMatchObject({
    findings: [finding],
    unseen: [{ check: "a", why: "the check failed: a mistake of ours" }],
  });
});

it("lets no control characters of the cluster through", async () => {
  const hostile = { ...finding, what: "a\u001b[2Jb\nc", seen: "\u009b31mred\nsecond", mend: "x\ry\u0007" };
  expect(textReport("k", await examine(look(), [check("a", async () => [hostile])]))).toBe(`1. a [2Jb c  [a]
   where  Pod a/b
   seen    31mred
          second
   mend   x y 

1 of 1 checks of k: 1 fault
`);
});

it("has no two checks of one name", () => {
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
});
