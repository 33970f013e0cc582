#!/usr/bin/env node
import { describeError } from "../common/errors.ts";
import { type CommandTable, dispatch } from "./dispatch.ts";

const COMMANDS: CommandTable = {
  demo: {
    summary: "the main job on this machine: 4 workers behind Envoy, one made busy, its share falls and returns",
    load: async () => (await import("./demo/main.ts")).main,
  },
  load: {
    summary: "load a running service (upload, proxy, cpu) and print its figures",
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
};

try {
  process.exitCode = await dispatch("evenkeel", COMMANDS, process.argv.slice(2));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
