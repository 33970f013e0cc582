import { describeError, EvenkeelError } from "../../common/errors.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { type Loaded, loadSettings } from "../../common/settings.ts";
import { aheadOf, bodyOf } from "./answer.ts";
import { type Examination, examine, exitCodeOf } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { Look, type Scope } from "./look.ts";
import { jsonReport, textReport } from "./report.ts";
import { DOCTOR } from "./settings.ts";

/**
 * `evenkeel doctor`: looks at an installation and names its faults.
 * @returns 0: nothing is wrong; 1: findings; 2: it could not look
 */
export async function main(args: string[]): Promise<number> {
  let loaded: Loaded<(typeof DOCTOR)["settings"]>;
  try {
    loaded = loadSettings(DOCTOR, args);
  } catch (error) {
    // As a failed command it would end with 1, which means findings here.
    console.error(describeError(error));
    return 2;
  }
  if (loaded.kind === "help") {
    process.stdout.write(`${loaded.text}\nChecks\n${checkList()}\n`);
    return 0;
  }
  const { values } = loaded;
  let client: KubeClient;
  try {
    client = connectKubernetes(values);
  } catch (error) {
    if (!hasCode(error, "EK_KUBE_CONFIG")) throw error;
    return told("the cluster", notLooked(error), values.json);
  }
  try {
    return told(client.server, await examineCluster(client, values), values.json);
  } finally {
    client.close();
  }
}

/** All checks of one cluster. An API server that cannot be asked at all is the only thing that is said then. */
export async function examineCluster(client: KubeClient, scope: Scope): Promise<Examination> {
  let apiAheadMs: number;
  try {
    apiAheadMs = await clockDifference(client);
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    return notLooked(error);
  }
  return examine(new Look(client, scope, apiAheadMs), CHECKS);
}

function checkList(): string {
  const width = Math.max(...CHECKS.map(({ name }) => name.length));
  return CHECKS.map(({ name, looksFor }) => `  ${name.padEnd(width)}  ${looksFor}`).join("\n");
}

/** Nothing could be looked at. */
function notLooked({ code, where, message, next }: EvenkeelError): Examination {
  const why = `${code}${where === undefined ? "" : ` ${where}`}: ${message}`;
  const checks = CHECKS.map(({ name }) => name);
  return { checks, findings: [], unseen: checks.map((check) => ({ check, why, next })) };
}

/** How far the API server's clock is ahead of ours at least, in ms. */
async function clockDifference(client: KubeClient): Promise<number> {
  const askedMs = Date.now();
  const asked = { verb: "get", target: { path: "/version" }, server: client.server } as const;
  const { verb, target } = asked;
  const response = await client.stream({ verb, target, signal: AbortSignal.timeout(30_000) });
  const aheadMs = aheadOf(response.headers.date, askedMs, Date.now());
  await bodyOf(response, asked);
  return aheadMs ?? 0;
}

function told(server: string, examination: Examination, json: boolean): number {
  process.stdout.write((json ? jsonReport : textReport)(server, examination));
  return exitCodeOf(examination);
}
