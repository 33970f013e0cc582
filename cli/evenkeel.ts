#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { describeError } from "../common/errors.ts";
import { type CommandTable, dispatch } from "./dispatch.ts";

const COMMANDS: CommandTable = {
  demo: {
    summary: "the main job on this machine: 4 workers behind Envoy, one made busy, its share falls and returns",
    load: async () => (await import("./demo/main.ts")).main,
  },
  load: {
    summary: "load a running service (upload, proxy, cpu, posture) and print its figures",
    load: async () => (await import("./load/main.ts")).main,
  },
  "control-plane": {
    summary: "the xDS control plane: endpoints and live CPU in, Envoy weights out",
    load: async () => (await import("../xds/main.ts")).main,
  },
  agent: {
    summary: "tell the CPU of a pod or process tree over ORCA, 10 times a second",
    load: async () => (await import("../sidecar/agent/main.ts")).main,
  },
  envoy: {
    summary: "find or fetch Envoy and run it with a bootstrap that asks our control plane",
    load: async () => (await import("../sidecar/envoy/main.ts")).main,
  },
  worker: {
    summary: "the upload worker: POST /reencrypt runs a Python script",
    load: async () => (await import("../workloads/worker/main.ts")).main,
  },
  analyzer: {
    summary: "the posture analyser: images over MQTT in, results to a CSV file and PostgreSQL",
    load: async () => (await import("../workloads/analyzer/main.ts")).main,
  },
  operator: {
    summary: "the ProxyService operator: gateways in front of Services, in a cluster with Istio",
    load: async () => (await import("../operator/main.ts")).main,
  },
  config: {
    summary: "write config.yaml for the random reverse proxy",
    load: async () => (await import("../sidecar/reverse-proxy/config-command.ts")).main,
  },
  proxy: {
    summary: "run the random reverse proxy as an Envoy",
    load: async () => (await import("../sidecar/reverse-proxy/main.ts")).main,
  },
  "cpu-load": {
    summary: "the CPU load app that the autoscaler demo scales",
    load: async () => (await import("../workloads/cpu-load/main.ts")).main,
  },
  scaler: {
    summary: "KEDA's external scaler: as many posture jobs as images wait and nodes are free",
    load: async () => (await import("../xds/scaler/main.ts")).main,
  },
  posture: {
    summary: "the posture jobs: build, apply, status, stop, and the controller of their nodes",
    load: async () => (await import("./posture/main.ts")).main,
  },
  setup: {
    summary: "bring up the autoscaler demo on minikube, kind or the current cluster; --delete takes it away",
    load: async () => (await import("./setup/main.ts")).main,
  },
  doctor: {
    summary: "look at an installation in a cluster, name its faults and what mends each",
    load: async () => (await import("./doctor/main.ts")).main,
  },
};

/**
 * Later starts take two thirds of the time and no reader of TypeScript. Beside what is installed, so that it goes with it and nobody
 * else can write there; where nothing can be written, as in a container, it is done without.
 */
enableCompileCache(join(import.meta.dirname, "..", "node_modules", ".cache", "evenkeel"));

try {
  process.exitCode = await dispatch("evenkeel", COMMANDS, process.argv.slice(2));
} catch (error) {
  console.error(describeError(error));
  // Ends it: whatever the failed command has begun to watch must not keep alive what does nothing.
  process.exit(1);
}
