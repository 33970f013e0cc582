import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../../../common/child.ts";
import { type Connection, openConnection } from "../mqtt/connection.ts";
import { parseLine } from "../results/csv.ts";
import type { Row } from "../results/row.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** A broker's place. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** The analyser as a process of its own, with the environment that a pod gives it. */
export async function startAnalyzer(
  broker: Place,
  folder: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Child> {
  return await startChild(process.execPath, [MAIN, ...args], {
    name: "analyzer",
    env: {
      PATH: process.env.PATH,
      MQTT_BROKER: broker.host,
      MQTT_PORT: String(broker.port),
      OUTPUT_DIR: folder,
      NUM_WORKERS: "2",
      NODE_NAME: "node-1",
      POD_NAME: "pod-1",
      ...env,
    },
  });
}

/** What it printed at its end. */
export function reportOf(child: Child): Record<string, unknown> {
  const line = child.lastLines().findLast((text) => text.startsWith('{"analysed"'));
  if (line === undefined) throw new Error(`no report: ${child.lastLines().join("\n")}`);
  return JSON.parse(line) as Record<string, unknown>;
}

/** The rows of the CSV file in an analyser's folder; none when it is not there yet. */
export async function rowsIn(folder: string): Promise<readonly Row[]> {
  const text = await readFile(join(folder, "posture_results.csv"), "utf8").catch(() => "");
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => parseLine(line) ?? []);
}

/** A connection to publish with. */
export async function openPublisher({ host, port }: Place): Promise<Connection> {
  return await openConnection({ host, port, clientId: randomUUID(), clean: true, onMessage: () => undefined });
}
