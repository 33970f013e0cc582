import { expect, it } from "vitest";
import { requireNodeSupport, thisMachine } from "../rig/node/support.ts";
import { runUnhurried } from "./mesh/main.ts";

/** Programs of the rig that are not in the cache yet are built first, and another rig on this machine is waited for. */
const LONG_MS = 2 * 3_600_000;

/** Why there can be no node here; undefined: there can. */
function refusal(): unknown {
  try {
    requireNodeSupport(thisMachine());
    return undefined;
  } catch (error) {
    return error;
  }
}

if (refusal() === undefined)
  it("a real mesh under steady traffic: no request fails, and a busy pod gets fewer", {
    timeout: LONG_MS,
  }, async () => {
    const seen = await runUnhurried();
    process.stderr.write(`${seen}\n`);
    expect(seen).toMatch(/^mesh: .*, 0 failed$/);
  });
else
  it("a machine that cannot run a cluster's node says so", async () => {
    await expect(runUnhurried()).rejects.toMatchObject({ code: "EK_RIG_UNSUPPORTED" });
  });
