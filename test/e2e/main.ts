import { type CommandTable, dispatch } from "../../cli/dispatch.ts";
import { describeError } from "../../common/errors.ts";

/** A long check on real components: resolves to the line that says what was seen; rejects when something did not hold. */
type Check = () => Promise<string>;

const check = (load: () => Promise<{ run: Check }>) => async () => {
  const { run } = await load();
  return async () => {
    console.log(await run());
    return 0;
  };
};

const CHECKS: CommandTable = {
  reencrypt: {
    summary: "uploads on a real cluster: the HPA goes up and back, a busy worker gets less, pods are deleted, 0 lost",
    load: check(() => import("./reencrypt/main.ts")),
  },
  proxy: {
    summary:
      "the random reverse proxy: uniformity, overhead, a host that dies, 10 000 services; its chart on a real cluster",
    load: async () => (await import("./proxy/main.ts")).main,
  },
  mesh: {
    summary: "the mesh on a real cluster: takeover, weights, kills and restarts under steady traffic; 20 minutes",
    load: check(() => import("./mesh/main.ts")),
  },
  "mesh-short": {
    summary: "the same in three minutes, without the HPA and the metrics API",
    load: check(async () => ({ run: (await import("./mesh/main.ts")).runShort })),
  },
  posture: {
    summary:
      "posture jobs with the real KEDA: 200 images on three nodes, a busy node, analyser, broker and figures lost; 0 lost",
    load: check(() => import("./posture/main.ts")),
  },
  install: {
    summary:
      "ways of installing on a real cluster: Helm chart and overlay with injected agents, istioctl and the doctor; 6 minutes",
    load: check(() => import("./install/main.ts")),
  },
  images: {
    summary: "every image of the Dockerfile built by a real Docker and started without rights; needs Debian 12",
    load: check(() => import("./images/main.ts")),
  },
  cpu: {
    summary: "the CPU load demo on a real cluster: its HPA goes up under load and back",
    load: check(() => import("./cpu/main.ts")),
  },
};

try {
  process.exitCode = await dispatch("npm run e2e --", CHECKS, process.argv.slice(2));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
