import { rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../../../common/temporary-folder.ts";
import { file } from "../../rig/images/layer.ts";
import type { Rig } from "../../rig/rig.ts";
import { withFreeRig } from "../support/free-rig.ts";
import { loadEvenkeelImage } from "../support/load-image.ts";
import { chart } from "./chart.ts";
import { openDoctor } from "./doctor.ts";
import { uploadPolicies } from "./policies.ts";
import { standalone } from "./standalone.ts";

const APP = join(import.meta.dirname, "..", "mesh", "app.ts");

/** What each part of the check works with. */
export interface Install {
  readonly rig: Rig;
  readonly say: (line: string) => void;
  /** Files of this check alone; they go with it. */
  readonly folder: string;
}

/**
 * The ways of installing, on a real cluster: the Helm chart in a mesh (install, upgrade, uninstall) and the overlay without one,
 * both with injected agents and under steady requests; what istioctl shows of our control plane; and `evenkeel doctor` on both,
 * sound and with planted faults.
 * @returns the line that says what was seen
 */
export async function run(): Promise<string> {
  const started = Date.now();
  const say = (line: string) =>
    void process.stderr.write(`install ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  return withFreeRig({ name: "install", with: ["istio", "metrics", "policies"], onProgress: say }, async (rig) => {
    const folder = await temporaryFolder("install");
    try {
      return await check({ rig, say, folder });
    } catch (error) {
      await tellState(rig);
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function check(install: Install): Promise<string> {
  const { rig, say } = install;
  say("packing and loading the image");
  await loadEvenkeelImage(rig, { envoy: true, python: true, extra: [file(APP, "/app/test/e2e/mesh/app.ts")] });
  const doctor = await openDoctor(install);
  const mesh = await chart(install, doctor);
  const uploads = await uploadPolicies(install);
  return `install: ${mesh}; ${uploads}; ${await standalone(install, doctor)}`;
}

/** What helps to find the cause of a failure. */
async function tellState(rig: Rig): Promise<void> {
  const questions = [
    ["get", "pods", "-A", "-o", "wide"],
    ["get", "ps", "-A", "-o", "yaml"],
    ["get", "events", "-A", "--sort-by=.lastTimestamp"],
    ...["evenkeel-control-plane", "proxy-service-operator", "evenkeel-gateway"].map((name) => [
      ...["logs", "-n", "evenkeel", "-l", `app.kubernetes.io/name=${name}`, "--prefix", "--tail=30"],
    ]),
  ];
  for (const question of questions) {
    const answer = await rig.kubectl(question).catch((error: Error) => error.message);
    process.stderr.write(`\n$ kubectl ${question.join(" ")}\n${answer}\n`);
  }
}
