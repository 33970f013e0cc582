import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";

/** One answer, or why there was none. */
export interface Answer {
  /** When it was asked for, in ms since 1970. */
  readonly at: number;
  readonly ms: number;
  /** On a connection that is kept. */
  readonly keep: boolean;
  readonly pod?: string;
  /** It came through a gateway. */
  readonly gateway?: boolean;
  readonly failed?: string;
}

/** Steady requests from the rig's network, until they are stopped. */
export interface Traffic {
  readonly answers: readonly Answer[];
  /** @throws Error with the first failures and their reasons, when there are any */
  check(during: string): void;
  stop(): Promise<void>;
}

const GENERATOR = join(import.meta.dirname, "generator.ts");
const SHOWN = 8;
/** Longer than the generator waits for its last answers. */
const STOP_MS = 35_000;
const ANSWER_MS = 30_000;

/**
 * Starts when the URL answers: a Service whose pods are ready is refused until kube-proxy knows of them.
 * @throws Error when it does not answer within {@link ANSWER_MS}
 */
export async function startTraffic(rig: Rig, url: string, perSecond: number): Promise<Traffic> {
  await waitUntil(`an answer of ${url}`, async () => (await answer(rig, url)) === "200", {
    timeoutMs: ANSWER_MS,
    everyMs: 200,
  });
  const answers: Answer[] = [];
  const words = rig.inside([process.execPath, GENERATOR, url, `${perSecond}`]) as [string, ...string[]];
  let ended: string | undefined;
  const child: Child = await startChild(words[0], words.slice(1), {
    name: "traffic",
    onLine: (line, stream) => {
      if (stream === "stdout") answers.push(JSON.parse(line) as Answer);
      else process.stderr.write(`traffic: ${line}\n`);
    },
  });
  let stopping = false;
  void child.exited.then(({ code, signal }) => {
    if (!stopping) ended = `the generator ended by itself (${code ?? signal})`;
  });
  return {
    answers,
    check(during) {
      if (ended !== undefined) throw new Error(`${during}: ${ended}`);
      const failed = answers.filter((answer) => answer.failed !== undefined);
      if (failed.length === 0) return;
      const some = failed.slice(0, SHOWN).map(tell);
      throw new Error(`${during}: ${failed.length} of ${answers.length} requests failed: ${some.join("; ")}`);
    },
    async stop() {
      stopping = true;
      await child.stop(STOP_MS);
    },
  };
}

/** The status of a plain request, or why there was none. */
export function answer(rig: Rig, url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then((answer) => answer.status, (error) => error.cause?.code ?? error.message).then(console.log)`;
  return rig.exec([process.execPath, "-e", script]).then((text) => text.trim());
}

function tell({ at, ms, failed }: Answer): string {
  return `at ${new Date(at).toISOString().slice(11, 23)} after ${ms} ms: ${failed}`;
}

/** Which part of the requests that were asked for in a time each pod answered, through a gateway. */
export function sharesOf(answers: readonly Answer[], fromMs: number, untilMs: number): ReadonlyMap<string, number> {
  const counted = answers.filter(
    ({ at, gateway, pod }) => gateway === true && pod !== undefined && pod !== "" && at >= fromMs && at < untilMs,
  );
  const shares = new Map<string, number>();
  for (const { pod = "" } of counted) shares.set(pod, (shares.get(pod) ?? 0) + 1 / counted.length);
  return shares;
}
