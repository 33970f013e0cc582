import type { Rig } from "../../rig/rig.ts";
import { SHOP } from "./cluster.ts";

/** What a person wants to see after a request has failed, by its name; the rig is gone soon. */
export async function evidence(rig: Rig): Promise<ReadonlyMap<string, string>> {
  const ask = (...words: string[]) => rig.kubectl(words).catch((error: Error) => `unreadable: ${error.message}`);
  const named = async (kind: string, namespace: string, selector: string) =>
    (await ask("get", kind, "-n", namespace, "-l", selector, "-o", "name")).split("\n").filter((name) => name !== "");
  const found = new Map<string, string>();
  found.set("pods", await ask("get", "pods", "-A", "-o", "wide"));
  found.set("events", await ask("get", "events", "-n", SHOP, "--sort-by=.lastTimestamp"));
  found.set("endpoints", await ask("get", "endpointslices", "-n", SHOP, "-o", "wide"));
  found.set("objects", await ask("get", "deployments,hpa,ps,services", "-n", SHOP, "-o", "yaml"));
  for (const pod of await named("pods", "evenkeel", "app.kubernetes.io/part-of=evenkeel"))
    found.set(pod.replace("pod/", "log-"), await ask("logs", "-n", "evenkeel", pod, "--tail=2000"));
  for (const pod of await named("pods", SHOP, "istio=ps-s0"))
    found.set(pod.replace("pod/", "log-"), await ask("logs", "-n", SHOP, pod, "--tail=20000"));
  return found;
}

/** The lines of gateways' access logs that tell of answers that were not good. */
export function complaints(found: ReadonlyMap<string, string>): string {
  return [...found]
    .filter(([name]) => name.startsWith("log-ps-s0"))
    .flatMap(([, log]) => log.split("\n"))
    .filter((line) => /^\[\S+\] "[^"]*" (0|5\d\d) /.test(line))
    .slice(-10)
    .join("\n");
}
