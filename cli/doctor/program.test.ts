import { expect, it } from "vitest";
import { portOf, programOf, settingOf } from "./program.ts";

it.each([
  [{ args: ["cli/evenkeel.ts", "control-plane", "--kubernetes"] }, "control-plane"],
  [{ command: ["/usr/bin/evenkeel"], args: ["worker"] }, "worker"],
  [{ command: ["node", "cli/evenkeel.ts"] }, undefined],
  [{ args: ["serve"] }, undefined],
  [{}, undefined],
])("%j runs %s", (container, program) => {
  expect(programOf({ name: "c", ...container })).toBe(program);
});

it.each([
  [{ args: ["--queue", "8"] }, "8"],
  [{ args: ["--queue=9"] }, "9"],
  [{ env: [{ name: "EVENKEEL_WORKER_QUEUE", value: "10" }] }, "10"],
  [{ args: ["--queue=9"], env: [{ name: "EVENKEEL_WORKER_QUEUE", value: "10" }] }, "9"],
  [{ env: [{ name: "EVENKEEL_WORKER_QUEUE", value: "" }] }, undefined],
])("%j sets %s", (container, value) => {
  expect(settingOf({ name: "c", ...container }, "queue", "EVENKEEL_WORKER_QUEUE")).toBe(value);
});

it("finds ports by name", () => {
  expect(portOf({ name: "c", ports: [{ name: "console", containerPort: 1 }] }, ["console"], 2)).toBe(1);
  expect(portOf({ name: "c", ports: [{ containerPort: 1 }] }, ["console"], 2)).toBe(2);
});
