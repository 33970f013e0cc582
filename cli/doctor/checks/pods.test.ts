import { describe, expect, it } from "vitest";
import { AN_HOUR_AGO, installation, NOW, pod, secondsAgo, waiting, workload } from "../testing.ts";
import { judgeCrashes } from "./crash-loop.ts";
import { judgeImages } from "./image-pull.ts";
import { judgeReadiness } from "./not-ready.ts";
import { judgeRefused } from "./refused-pods.ts";
import { judgeRestarts } from "./restarts.ts";
import { judgeUnschedulable } from "./unschedulable.ts";

describe("image-pull", () => {
  it("tells each image of a workload once", () => {
    const pods = ["a", "b"].map((name) =>
      pod(`up/${name}`, { statuses: [waiting("app", "ImagePullBackOff", "no such tag")] }),
    );
    const findings = judgeImages(installation([workload("up/proxy-worker", "worker", pods)]));
    expect(findings).toMatchObject([
      { what: "the image app:1 cannot be pulled", seen: "ImagePullBackOff: no such tag" },
    ]);
    expect(findings[0]?.mend).toContain("kubectl set image deployment/proxy-worker -n up app=REGISTRY/app:1");
    expect(findings[0]?.explains).toContain("Deployment up/proxy-worker");
  });

  it("makes no command of an image's name", () => {
    const image = "x/app:1'; reboot;\nreboot '";
    const pods = [
      pod("up/a", { containers: [{ name: "app", image }], statuses: [waiting("app", "InvalidImageName")] }),
    ];
    const [finding] = judgeImages(installation([workload("up/w", "worker", pods)]));
    expect(finding?.mend.split("\n")[0]).toBe(
      `kubectl set image deployment/w -n up 'app=REGISTRY/app:1'\\''; reboot; reboot '\\'''    # where you pushed it`,
    );
  });

  it("leaves other waits alone", () => {
    const pods = [pod("up/a", { statuses: [waiting("app", "ContainerCreating"), waiting("app", "CrashLoopBackOff")] })];
    expect(judgeImages(installation([workload("up/w", "worker", pods)]))).toEqual([]);
  });
});

describe("crash-loop", () => {
  const at = workload("evenkeel/evenkeel-control-plane", "control-plane", [pod("evenkeel/cp-1")]);
  const crash = { workload: at, pod: pod("evenkeel/cp-1"), restarts: 7, last: { reason: "Error", exitCode: 1 } };
  const limited = (memory: string) =>
    pod("evenkeel/cp-1", { containers: [{ name: "control-plane", resources: { limits: { memory } } }] });
  const looping = { container: "control-plane", image: "i", reason: "CrashLoopBackOff", message: "back-off" };

  it("tells the last words and their advice", () => {
    const lines = ["starting", "EK_FLEET_INVALID fleet.yaml:3: no clusters. Next: correct the line and start again."];
    const [finding] = judgeCrashes([{ ...crash, waiting: looping, lines }]);
    expect(finding?.what).toBe("Deployment evenkeel/evenkeel-control-plane crashes again and again");
    expect(finding?.seen).toContain("7 restarts; last end: Error 1\n  | starting\n  | EK_FLEET_INVALID");
    expect(finding?.mend).toBe(
      "# its log says: correct the line and start again\nkubectl logs cp-1 -n evenkeel -c control-plane --previous",
    );
  });

  it.each([
    [{ last: { reason: "OOMKilled", exitCode: 137 }, pod: limited("4Gi") }, looping, "--limits=memory=8Gi"],
    [{ last: { reason: "OOMKilled", exitCode: 137 } }, looping, "--requests=memory=AMOUNT"],
    [
      {},
      { ...looping, reason: "CreateContainerConfigError", message: 'secret "x" not found' },
      "kubectl describe pod cp-1",
    ],
    [{}, looping, "kubectl logs cp-1"],
  ])("%j: %j", (changes, waits, mend) => {
    const [finding] = judgeCrashes([{ ...crash, ...changes, waiting: waits, lines: [] }]);
    expect(finding?.mend).toContain(mend);
  });
});

describe("unschedulable", () => {
  const stuck = (since: string, message: string) => {
    const scheduled = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastTransitionTime: since,
    };
    const base = pod("up/a", { ready: false });
    return { ...base, status: { ...base.status, conditions: [scheduled] } };
  };
  it.each([
    [AN_HOUR_AGO, "0/1 nodes are available: 1 Insufficient cpu.", "set resources"],
    [AN_HOUR_AGO, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity.", "--show-labels"],
    [secondsAgo(5), "0/1 nodes are available: 1 Insufficient cpu.", undefined],
  ])("since %s: %s", (since, message, mend) => {
    const [finding] = judgeUnschedulable(installation([workload("up/w", "worker", [stuck(since, message)])]), NOW);
    if (mend === undefined) expect(finding).toBeUndefined();
    else expect(finding).toMatchObject({ seen: message, mend: expect.stringContaining(mend) });
  });
});

describe("not-ready", () => {
  const available = (status: string, since: string) => ({
    conditions: [{ type: "Available", status, lastTransitionTime: since }],
  });
  it.each([
    ["ready", [pod("up/a")], {}, 0],
    ["unready for an hour", [pod("up/a", { ready: false })], {}, 1],
    ["unready for a moment", [pod("up/a", { ready: false, since: secondsAgo(10) })], {}, 0],
    ["no pods for an hour", [], { ...available("False", AN_HOUR_AGO) }, 0],
    ["stuck", [pod("up/a")], { conditions: [{ type: "Progressing", status: "False", message: "timed out" }] }, 1],
  ])("%s", (_, pods, status, count) => {
    expect(judgeReadiness(installation([workload("up/w", "worker", pods, {}, status)]), NOW)).toHaveLength(count);
  });

  it("wants the replicas that the Deployment says", () => {
    const none = workload("up/w", "worker", [], {}, available("False", AN_HOUR_AGO));
    const wanted = {
      ...none,
      controller: { metadata: { name: "w" }, spec: { replicas: 2 }, status: available("False", AN_HOUR_AGO) },
    };
    expect(judgeReadiness(installation([wanted]), NOW)).toMatchObject([{ seen: "0 of 2 replicas are ready" }]);
  });
});

describe("refused-pods", () => {
  const security = 'pods "w-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true';
  const failing = (message: string) =>
    workload("up/w", "worker", [], {}, { conditions: [{ type: "ReplicaFailure", status: "True", message }] });
  it.each([
    [security, "kubectl label namespace up pod-security.kubernetes.io/enforce=baseline --overwrite"],
    ['pods "w" is forbidden: exceeded quota: small', "kubectl describe resourcequota -n up"],
    ["admission webhook denied the request", "kubectl get events -n up"],
  ])("%s", (message, mend) => {
    const findings = judgeRefused({ installation: installation([failing(message)]), events: [], nowMs: NOW });
    expect(findings).toMatchObject([
      { seen: message, mend: expect.stringContaining(mend), explains: ["Deployment up/w"] },
    ]);
  });

  const event = (kind: string, name: string, since: string) => ({
    metadata: { name: "e" },
    reason: "FailedCreate",
    note: security,
    eventTime: since,
    regarding: { kind, namespace: "up", name },
  });
  const lacking = { ...workload("up/w", "worker", []), controller: { metadata: { name: "w" }, spec: { replicas: 1 } } };
  it.each([
    [event("ReplicaSet", "w-5d9f7c", secondsAgo(60)), 1],
    [event("ReplicaSet", "w-5d9f7c", AN_HOUR_AGO), 0],
    [event("ReplicaSet", "web-5d9f7c", secondsAgo(60)), 0],
    [event("Job", "posture-analyzer-job-0-abc12", secondsAgo(60)), 1],
    [event("Job", "backup-abc12", secondsAgo(60)), 0],
  ])("%j: %i", (seen, count) => {
    expect(judgeRefused({ installation: installation([lacking]), events: [seen], nowMs: NOW })).toHaveLength(count);
  });
});

describe("restarts", () => {
  const ended = (reason: string, finishedAt: string, exitCode = 137) =>
    pod("up/a", {
      containers: [{ name: "worker", resources: { limits: { memory: "1536Mi" } } }],
      statuses: [{ name: "worker", restartCount: 2, lastState: { terminated: { reason, exitCode, finishedAt } } }],
    });
  it.each([
    ["worker", ended("OOMKilled", secondsAgo(60)), "EVENKEEL_WORKER_CONCURRENCY=1"],
    ["front", ended("OOMKilled", secondsAgo(60)), "--limits=memory=3072Mi"],
    ["worker", ended("Error", secondsAgo(60), 1), "--previous"],
    ["worker", ended("OOMKilled", secondsAgo(7200)), undefined],
    ["other", ended("OOMKilled", secondsAgo(60)), undefined],
    ["worker", pod("up/a"), undefined],
  ] as const)("%s", (role, of, mend) => {
    const findings = judgeRestarts(installation([workload("up/w", role, [of])]), NOW);
    if (mend === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ mend: expect.stringContaining(mend) }]);
  });
});
