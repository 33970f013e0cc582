import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectKubernetes, type KubeClient } from "../../../common/kubernetes/client.ts";
import type { Rig } from "../../rig/rig.ts";

/**
 * Connects this process, which is not on the rig's network, to the rig's API server.
 * @param folder for a kubeconfig
 * @param ends takes what is to be closed
 */
export async function openClient(rig: Rig, folder: string, ends: AsyncDisposableStack): Promise<KubeClient> {
  const text = readFileSync(rig.kubeconfig, "utf8");
  const server = /https:\/\/([\d.]+:\d+)/.exec(text)?.[1];
  if (server === undefined) throw new Error("the rig's kubeconfig names no server");
  const { host, port, close } = await rig.forward(server);
  ends.defer(close);
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, text.replace(server, `${host}:${port}`), { mode: 0o600 });
  const client = connectKubernetes({ kubeconfig, context: "" });
  ends.defer(() => client.close());
  return client;
}
