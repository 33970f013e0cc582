import { afterEach, expect, it } from "vitest";
import { removeImages } from "./image.ts";
import { makeRunner } from "./runner.ts";
import { makeStandIns, type StandIn, type StandIns } from "./stand-ins.ts";

let standIns: StandIns | undefined;
afterEach(() => standIns?.remove());

/** What was said; the calls are those of {@link standIns}. */
async function removed(wanted: string, facts: readonly string[], programs: readonly StandIn[] = ["docker"]) {
  standIns = makeStandIns(programs);
  for (const fact of facts) standIns.set(fact);
  const said: string[] = [];
  const run = makeRunner(standIns.env, new AbortController().signal);
  await removeImages(run, "evenkeel", (line) => said.push(line), wanted);
  return said;
}

it.each([
  ["", ["evenkeel/evenkeel:0123456789ab"]],
  ["docker.io/mine:5000/app:2", ["evenkeel/evenkeel:0123456789ab", "mine:5000/app:1"]],
])("with the image %j, removes %j and none that only inherits the label", async (wanted, names) => {
  expect(await removed(wanted, ["image"])).toEqual([`removed ${names.length} built image(s)`]);
  expect(standIns?.calls()).toContain(`docker image rm --force ${names.join(" ")}`);
});

it("without Docker, or without images, there is nothing to remove", async () => {
  expect(await removed("", [], [])).toEqual([]);
  expect(await removed("", [])).toEqual([]);
});

it.each([
  ["image-ls-fails", "EK_DOCKER_UNAVAILABLE"],
  ["image-rm-fails", "EK_CHILD_FAILED"],
])("%s is an error: the images stay", async (fact, code) => {
  const expected = { code, message: expect.stringContaining("Error response from daemon: conflict") };
  await expect(removed("", ["image", fact])).rejects.toMatchObject(expected);
});
