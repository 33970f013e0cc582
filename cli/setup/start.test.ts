import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { kindCluster } from "./kind.ts";
import { minikubeCluster } from "./minikube.ts";
import { makeRunner } from "./runner.ts";
import { makeStandIns, type StandIns } from "./stand-ins.ts";

// Real programs on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 30_000, interval: 20 };

let standIns: StandIns;
afterEach(() => standIns.remove());

const CLUSTERS = { kind: kindCluster, minikube: minikubeCluster } as const;
const refuse = () => Promise.reject(new Error("not recorded"));

it.each(["kind", "minikube"] as const)("%s: a cluster that is not recorded does not stay", async (tool) => {
  standIns = makeStandIns([tool]);
  const stop = new AbortController();
  const cluster = CLUSTERS[tool](makeRunner(standIns.env, stop.signal), "evenkeel");
  const start = cluster.start(
    () => undefined,
    () => {
      // The cluster goes also when it is a stop that keeps the record from being written.
      stop.abort();
      return refuse();
    },
  );
  await expect(start).rejects.toThrow("not recorded");
  expect(standIns.has(`${tool}-deleted`)).toBe(true);
});

it("a minikube that was there before is not recorded as made", async () => {
  standIns = makeStandIns(["minikube"]);
  standIns.set("minikube");
  const cluster = minikubeCluster(makeRunner(standIns.env, new AbortController().signal), "evenkeel");
  await cluster.start(() => undefined, refuse);
  expect(standIns.has("minikube-deleted")).toBe(false);
});

it("Ctrl-C in the start, and again at once as npm does, still takes the half-made cluster away", async () => {
  standIns = makeStandIns(["docker", "kind"], { kubectl: "/bin/true" });
  standIns.set("start-hangs");
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { env: standIns.env });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await vi.waitFor(() => expect(standIns.has("kind-hangs"), said).toBe(true), PATIENCE);
  // Two of the same name may come as one.
  for (const name of ["SIGINT", "SIGTERM"] as const) child.kill(name);
  expect(await ended).toBe(1);
  expect(standIns.has("kind-deleted")).toBe(true);
  expect(said).toMatch(/^EK_STOPPED: /);
});
