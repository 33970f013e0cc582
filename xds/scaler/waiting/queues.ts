import { createHash } from "node:crypto";
import { EvenkeelError } from "../../../common/errors.ts";

/** Images that wait for each MQTT session, by {@link sessionHash} of its client identifier. */
export type Queues = ReadonlyMap<string, number>;

/** Where NATS keeps MQTT messages of QoS 1 and 2, until each session has acknowledged them. */
const MESSAGES = "$MQTT_msgs";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HASH_LENGTH = 8;

/**
 * How the NATS server names an MQTT session's consumers: this, `_` and something unique for each subscription.
 * @see https://github.com/nats-io/nats-server/blob/v2.15.2/server/events.go (getHash)
 */
export function sessionHash(clientId: string): string {
  const digest = createHash("sha256").update(clientId).digest();
  return [...digest.subarray(0, HASH_LENGTH)].map((byte) => DIGITS[byte % DIGITS.length]).join("");
}

interface Consumer {
  readonly name?: unknown;
  readonly num_pending?: unknown;
  readonly num_ack_pending?: unknown;
}

interface Jsz {
  readonly disabled?: boolean;
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name?: string; readonly consumer_detail?: readonly Consumer[] }[];
  }[];
}

export interface QueueAccess {
  /** The NATS server's monitoring address, e.g. `http://nats:8222`. */
  readonly url: string;
  /** The NATS account that MQTT clients are in; undefined: all. */
  readonly account?: string;
}

/**
 * Counts what waits in every MQTT session of a NATS server: what was not sent to it yet, and what was sent and not
 * acknowledged, because an analyser that was killed gets that again.
 * @throws EvenkeelError EK_QUEUE_UNREADABLE
 */
export async function readQueues({ url, account }: QueueAccess, signal: AbortSignal): Promise<Queues> {
  const target = new URL(`${url.replace(/\/+$/, "")}/jsz`);
  for (const detail of ["accounts", "streams", "consumers"]) target.searchParams.set(detail, "true");
  if (account !== undefined) target.searchParams.set("acc", account);
  const failed = (what: string, cause?: unknown) =>
    new EvenkeelError("EK_QUEUE_UNREADABLE", what, { where: target.href, cause });
  let jsz: Jsz;
  try {
    const response = await fetch(target, { signal });
    if (!response.ok) throw failed(`it answered HTTP ${response.status}`);
    jsz = (await response.json()) as Jsz;
  } catch (error) {
    if (error instanceof EvenkeelError) throw error;
    const reason = (error as Error).cause ?? error;
    throw failed(`it cannot be read: ${(reason as Error).message || String(reason)}`, error);
  }
  if (jsz.disabled === true) throw failed("the server runs without JetStream: it keeps no messages");
  const streams = (jsz.account_details ?? []).flatMap(({ stream_detail }) => stream_detail ?? []);
  const consumers = streams.flatMap(({ name, consumer_detail }) => (name === MESSAGES ? (consumer_detail ?? []) : []));
  return countBySession(consumers, failed);
}

function countBySession(consumers: readonly Consumer[], failed: (what: string) => EvenkeelError): Queues {
  const queues = new Map<string, number>();
  for (const { name, num_pending: pending, num_ack_pending: sent } of consumers) {
    if (typeof name !== "string" || !isCount(pending) || !isCount(sent))
      throw failed("its answer has a consumer without a name or counts");
    const session = name.slice(0, HASH_LENGTH);
    queues.set(session, (queues.get(session) ?? 0) + pending + sent);
  }
  return queues;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
