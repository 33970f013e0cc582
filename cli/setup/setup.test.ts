import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { findPrograms } from "../../test/rig/programs/programs.ts";
import { makeStandIns, type StandIn, type StandIns } from "./stand-ins.ts";

// Real programs, a real API server, on a machine that may be very busy.
vi.setConfig({ testTimeout: 180_000 });

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const ALL: readonly StandIn[] = ["docker", "kind", "minikube"];
const MARK = "app.kubernetes.io/managed-by=evenkeel-setup";
const EVERYTHING = "deployment,service,hpa,pdb,configmap,serviceaccount,rolebinding,clusterrole";

let server: ApiServer;
let kubectl: string;
let kubeconfig: string;
let standIns: StandIns | undefined;

beforeAll(async () => {
  const onProgress = (line: string) => void process.stderr.write(`rig: ${line}\n`);
  [server, kubectl] = await Promise.all([
    startApiServer({ name: "rig", onProgress }),
    findPrograms(["kubectl"], onProgress).then((found) => found.kubectl as string),
  ]);
  // The stand-ins of kind and minikube start nothing: their contexts mean the test's API server.
  kubeconfig = `${server.kubeconfig}.setup`;
  copyFileSync(server.kubeconfig, kubeconfig);
  const config = (...args: string[]) => server.kubectl(["config", ...args, "--kubeconfig", kubeconfig]);
  const view = JSON.parse(await config("view", "--raw", "-o", "json")) as {
    contexts: { context: { cluster: string; user: string } }[];
  };
  const { cluster = "", user = "" } = view.contexts[0]?.context ?? {};
  for (const name of ["kind-evenkeel", "evenkeel"])
    await config("set-context", name, `--cluster=${cluster}`, `--user=${user}`);
  await config("set-cluster", "gone", "--server=https://127.0.0.1:1");
  await config("set-context", "gone", "--cluster=gone", `--user=${user}`);
  await server.kubectl(["create", "serviceaccount", "nobody"]);
  const token = (await server.kubectl(["create", "token", "nobody"])).trim();
  await config("set-credentials", "nobody", `--token=${token}`);
  await config("set-context", "nobody", `--cluster=${cluster}`, "--user=nobody");
}, BUILD_MS);

afterEach(async () => {
  standIns?.remove();
  standIns = undefined;
  if ((await made()).length > 0) await server.kubectl(["delete", EVERYTHING, "-A", "-l", MARK]);
});

afterAll(async () => {
  await server?.stop();
}, 60_000);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is on PATH: stand-ins, and the real kubectl unless told otherwise. */
function path(wanted: readonly StandIn[] = ALL, options: { kubectl?: boolean } = {}): StandIns {
  standIns = makeStandIns(wanted, options.kubectl === false ? {} : { kubectl });
  return standIns;
}

function setup(...args: string[]): Promise<Ran> {
  const env = { ...standIns?.env, KUBECONFIG: kubeconfig };
  return new Promise((resolve) => {
    const main = join(import.meta.dirname, "main.ts");
    const child = execFile(process.execPath, [main, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** Says once what the controllers of a cluster with a node would, as soon as there is something to say it of. */
async function withReadyPods(run: Promise<Ran>): Promise<Ran> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void run.then(over, over);
  const replicas = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  const cpu = { name: "cpu", current: { averageUtilization: 3, averageValue: "3m" } };
  const statuses = {
    "deployment/fastapi-app": { observedGeneration: 99, ...replicas },
    "hpa/fastapi-hpa": {
      currentReplicas: 1,
      desiredReplicas: 1,
      conditions: [],
      currentMetrics: [{ type: "Resource", resource: cpu }],
    },
  };
  for (const [what, status] of Object.entries(statuses))
    while (!isOver) {
      const patch = JSON.stringify({ status });
      const patched = server.kubectl(["patch", what, "--subresource=status", "--type=merge", "-p", patch]);
      if (
        await patched.then(
          () => true,
          () => false,
        )
      )
        break;
      await sleep(500);
    }
  return run;
}

/** Every object with setup's mark, by its name. */
async function made(): Promise<string[]> {
  return (await server.kubectl(["get", EVERYTHING, "-A", "-o", "name", "-l", MARK])).split("\n").filter(Boolean);
}

it("starts kind, builds, loads, deploys, waits, says what next; twice is fine; --delete removes the cluster", async () => {
  const { calls, has } = path(["docker", "kind"]);
  const first = await withReadyPods(setup());
  expect(first).toMatchObject({ code: 0, stderr: "" });
  for (let step = 1; step <= 6; step++) expect(first.stdout).toContain(`[${step}/6] `);
  expect(first.stdout).toContain("the kind cluster evenkeel is absent");
  expect(first.stdout).toMatch(/1 of 1 pods ready; autoscaler: CPU at 3 %/);
  expect(first.stdout).toContain("npm run load -- cpu --url http://127.0.0.1:30080");
  const image = "evenkeel/evenkeel:0123456789ab";
  expect(calls()).toContain(`kind load docker-image ${image} --name evenkeel`);
  // Nothing is started that an image is missing for.
  const order = calls().map((call) => call.split(" ").slice(0, 2).join(" "));
  expect(order.indexOf("docker build")).toBeLessThan(order.indexOf("kind create"));
  const found = ["get", "deployment", "fastapi-app", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
  expect(await server.kubectl(found)).toBe(image);
  const arguments_ = ["-n", "kube-system", "-o", "jsonpath={.spec.template.spec.containers[0].args}"];
  expect(await server.kubectl(["get", "deployment", "metrics-server", ...arguments_])).toContain(
    "--kubelet-insecure-tls",
  );

  // What the autoscaler has set meanwhile stays.
  await server.kubectl(["scale", "deployment", "fastapi-app", "--replicas=1"]);
  await server.kubectl(["patch", "hpa", "fastapi-hpa", "-p", '{"spec":{"maxReplicas":3}}']);
  const second = await withReadyPods(setup("--cluster", "kind"));
  expect(second).toMatchObject({ code: 0, stderr: "" });
  expect(second.stdout).toContain("the kind cluster evenkeel runs already");
  expect(calls().filter((call) => call.startsWith("kind create"))).toHaveLength(1);
  expect(await server.kubectl(["get", "hpa", "fastapi-hpa", "-o", "jsonpath={.spec.maxReplicas}"])).toBe("10");

  const removed = await setup("--delete");
  expect(removed).toMatchObject({ code: 0, stderr: "" });
  expect(has("kind-deleted")).toBe(true);
  expect(calls()).toContain("docker image rm --force evenkeel/evenkeel:0123456789ab");
});

it("in a minikube that was there before, --delete removes the marked objects and nothing else", async () => {
  const { calls, set, has } = path(["docker", "minikube"]);
  set("minikube");
  await server.kubectl(["create", "configmap", "somebody-elses"]);
  const first = await withReadyPods(setup());
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toContain("minikube service fastapi-service --profile evenkeel");
  expect(calls()).toContain("minikube image load --profile evenkeel evenkeel/evenkeel:0123456789ab");
  expect(await made()).toHaveLength(10);

  const removed = await setup("--delete");
  expect(removed).toMatchObject({ code: 0, stderr: "" });
  expect(removed.stdout).toContain("removed Deployment default/fastapi-app");
  expect(removed.stdout).toContain("removed APIService v1beta1.metrics.k8s.io");
  expect(has("minikube-deleted")).toBe(false);
  expect(await made()).toEqual([]);
  for (const kind of ["clusterrolebinding", "apiservice"])
    expect(await server.kubectl(["get", kind, "-l", MARK, "-o", "name"])).toBe("");
  expect(await server.kubectl(["get", "configmap", "somebody-elses", "-o", "name"])).toBe("configmap/somebody-elses\n");
  await server.kubectl(["delete", "configmap", "somebody-elses"]);

  const again = await setup("--delete");
  expect(again.code).toBe(0);
  expect(again.stdout).toContain("setup made nothing in the minikube profile evenkeel, or it is gone");
});

it("takes the current context with an image that the cluster has; Docker is not needed then", async () => {
  path([]);
  const ran = await withReadyPods(setup("--context", "evenkeel", "--skip-build", "--image", "docker.io/x/y:1"));
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("evenkeel setup --delete --context evenkeel");
  expect((await setup("--delete", "--context", "evenkeel")).stdout).toContain(
    "removed Service default/fastapi-service",
  );
});

it("does not touch an app that somebody else made", async () => {
  path([]);
  await server.kubectl(["create", "deployment", "fastapi-app", "--image=theirs"]);
  const ran = await setup("--context", "evenkeel", "--skip-build", "--image", "x");
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/^EK_KUBE_CONFLICT .*Deployment default\/fastapi-app is there and was not made by setup/);
  expect(await made()).toEqual([]);
  const removed = await setup("--delete", "--context", "evenkeel");
  expect(removed.stdout).toContain("setup made nothing");
  expect(await server.kubectl(["get", "deployment", "fastapi-app", "-o", "name"])).not.toBe("");
  await server.kubectl(["delete", "deployment", "fastapi-app"]);
});

it("a wait that is too long says what is awaited, and what is there stays for the next run", async () => {
  path([]);
  const ran = await setup("--context", "evenkeel", "--skip-build", "--image", "x", "--wait", "1s");
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/^EK_TIMEOUT .*0 of 1 pods ready; autoscaler: no CPU figures yet.*describe pods/);
  expect(await made()).not.toEqual([]);
});

it.each([
  ["no Docker", ["kind"], {}, [], /EK_PROGRAM_MISSING.*docker is not on PATH.*get-docker/],
  ["no kubectl", ALL, { kubectl: false }, [], /EK_PROGRAM_MISSING.*kubectl is not on PATH.*kubernetes\.io/],
  ["neither minikube nor kind", ["docker"], {}, [], /EK_PROGRAM_MISSING.*neither minikube nor kind.*--context NAME/],
  ["nothing at all", [], { kubectl: false }, [], /docker, kubectl are not on PATH.*neither minikube nor kind/],
  ["kind when minikube is wanted", ["docker", "kind"], {}, ["--cluster", "minikube"], /minikube is not on PATH/],
  ["an image that cannot get there", ALL, {}, ["--context", "gone"], /EK_USAGE.*--skip-build --image NAME/],
  ["no image to skip a build for", ALL, {}, ["--skip-build"], /EK_USAGE.*needs --image/],
  ["no such context", ALL, {}, ["--context", "nope"], /EK_KUBE_CONFIG.*no context nope; there are .*kind-evenkeel/],
  ["no such namespace", [], {}, [...there("evenkeel"), "--namespace", "nope"], /EK_KUBE_NOT_FOUND.*"nope" not found/],
  ["a cluster that does not answer", [], {}, there("gone"), /EK_KUBE_UNREACHABLE/],
  ["no rights", [], {}, there("nobody"), /EK_KUBE_FORBIDDEN.*cannot/],
  ["no rights to delete", [], {}, ["--delete", "--context", "nobody"], /EK_KUBE_FORBIDDEN/],
  ["a nonsense cluster", ALL, {}, ["--cluster", "cloud"], /EK_SETTING_INVALID.*minikube, kind, current/],
  ["a nonsense flag", ALL, {}, ["--nonsense"], /EK_USAGE/],
] as const)("%s: a clear error, and nothing is done", async (_, wanted, options, args, expected) => {
  const { calls } = path(wanted, options);
  const ran = await setup(...args);
  expect(ran.code).toBeGreaterThan(0);
  expect(ran.stderr.split("\n")).toHaveLength(2);
  expect(ran.stderr).toMatch(expected);
  expect(calls().filter((call) => /build|create|start|load|delete/.test(call))).toEqual([]);
  expect(await made()).toEqual([]);
});

function there(context: string): string[] {
  return ["--context", context, "--skip-build", "--image", "x"];
}

it.each([
  ["docker-down", ["kind"], /EK_DOCKER_UNAVAILABLE.*Cannot connect to the Docker daemon/, []],
  ["build-fails", ["kind"], /EK_BUILD_FAILED.*npm ci did not complete/, []],
  ["start-fails", ["kind"], /EK_CHILD_FAILED.*the kind cluster.*already exist/, ["kind-deleted"]],
  ["start-fails", ["minikube"], /EK_CHILD_FAILED.*too few CPUs/, ["minikube-deleted"]],
] as const)("%s (%s): nothing half-done is left", async (fact, [tool], expected, cleaned) => {
  const { set, has, calls } = path(["docker", tool]);
  set(fact);
  const ran = await setup();
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(expected);
  for (const trace of cleaned) expect(has(trace)).toBe(true);
  if (cleaned.length === 0) expect(calls().filter((call) => /^(kind create|minikube start)/.test(call))).toEqual([]);
  expect(await made()).toEqual([]);
});

it("--help tells every setting", async () => {
  path([], { kubectl: false });
  const ran = await setup("--help");
  expect(ran.code).toBe(0);
  for (const flag of ["cluster", "name", "context", "namespace", "image", "skip-build", "wait", "delete"])
    expect(ran.stdout).toContain(`--${flag}`);
});
