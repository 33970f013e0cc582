import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { ENVOY, findEnvoy } from "./find.ts";

test("finds an Envoy of the pinned minor version that runs here", async () => {
  const path = await findEnvoy();
  const minor = ENVOY.version.split(".").slice(0, 2).join(".");
  expect(execFileSync(path, ["--version"], { encoding: "utf8" })).toContain(`/${minor}.`);
}, 600_000);
