import { expect, it } from "vitest";
import { chooseCluster, clustersToClear } from "./choose-cluster.ts";
import type { Runner } from "./runner.ts";
import type { SetupSettings } from "./settings.ts";

const SETTINGS: SetupSettings = {
  cluster: "auto",
  name: "evenkeel",
  context: "",
  namespace: "default",
  image: "",
  skipBuild: true,
  wait: 1000,
  delete: false,
};

/** Every tool is there, and so is the context. */
const run: Runner = async () => ({ code: 0, stdout: "production\n", stderr: "" });

it.each(["kind", "minikube"] as const)("%s with a context is refused: setup works in one cluster", async (cluster) => {
  const both = { ...SETTINGS, cluster, context: "production" };
  const expected = {
    code: "EK_SETTING_INVALID",
    message: `${cluster} is asked for, and so is the context production`,
    next: expect.stringContaining("EVENKEEL_CONTEXT"),
  };
  await expect(chooseCluster(run, both)).rejects.toMatchObject(expected);
  await expect(clustersToClear(run, both)).rejects.toMatchObject(expected);
});

it.each(["auto", "current"] as const)("%s with a context is that context", async (cluster) => {
  const settings = { ...SETTINGS, cluster, context: "production" };
  expect(await chooseCluster(run, settings)).toMatchObject({ kind: "current", context: "production" });
  expect(await clustersToClear(run, settings)).toMatchObject([{ kind: "current", context: "production" }]);
});
