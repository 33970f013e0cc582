import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findHelm } from "../../../../common/program/pins/helm.ts";
import { EVENKEEL_IMAGE } from "../../../rig/images/evenkeel.ts";
import type { Rig } from "../../../rig/rig.ts";
import type { WrittenService } from "../process.ts";

const CHART = join(import.meta.dirname, "..", "..", "..", "..", "manifests", "reverse-proxy");
const RELEASE = "reverse-proxy";
const ASK = join(import.meta.dirname, "ask.ts");
export const NODE_PORT = 30_653;
/** Seven pods on two CPUs. */
const RESOURCES = { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "1", memory: "1Gi" } };

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The chart on a rig, as a user would install it and ask it through the node's port. */
export interface InstalledChart {
  helm(...words: readonly string[]): Promise<string>;
  /** Changes values, and keeps all others. */
  upgrade(...sets: readonly string[]): Promise<void>;
  /** Changes the services, and nothing else. */
  serve(services: readonly WrittenService[]): Promise<void>;
  ask(domain: string, path?: string, times?: number): Promise<readonly Answer[]>;
  /** Names of the proxy's pods that are ready and stay. */
  pods(): Promise<readonly string[]>;
}

/** Installs the chart with these services, and waits until it is ready. */
export async function installChart(
  rig: Rig,
  folder: string,
  services: readonly WrittenService[],
): Promise<InstalledChart> {
  const program = await findHelm();
  const values = join(folder, "values.json");
  const helm = (...words: readonly string[]) => rig.exec([program, "--kubeconfig", rig.kubeconfig, ...words]);
  const upgrade = async (...words: readonly string[]) =>
    void (await helm("upgrade", RELEASE, CHART, "--reuse-values", "--wait", "--timeout=4m", ...words));
  await writeFile(values, JSON.stringify({ image: EVENKEEL_IMAGE, resources: RESOURCES, services }));
  await helm("install", RELEASE, CHART, "--values", values, "--wait", "--timeout=4m");
  return {
    helm,
    upgrade: (...sets) => upgrade(...sets.flatMap((set) => ["--set", set])),
    async serve(next) {
      await writeFile(values, JSON.stringify({ services: next }));
      await upgrade("--values", values);
    },
    async ask(domain, path = "/", times = 1) {
      const url = `http://${rig.nodeAddress}:${NODE_PORT}${path}`;
      return JSON.parse(await rig.exec([process.execPath, ASK, url, domain, `${times}`])) as Answer[];
    },
    async pods() {
      const listed = await rig.kubectl(["get", "pods", "--selector", "run=reverse-proxy-app", "-o", "json"]);
      return (JSON.parse(listed) as { items: readonly Pod[] }).items
        .filter(isReady)
        .map(({ metadata }) => metadata.name);
    },
  };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  return metadata.deletionTimestamp === undefined && ready === true;
}
