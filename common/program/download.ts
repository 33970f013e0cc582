import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EvenkeelError } from "../errors.ts";
import { requireSha256 } from "./checksum.ts";

/** How long parts of a download may take, in milliseconds. */
export interface DownloadLimits {
  /** Until a server answers. Short: a machine without that network goes on to the next way. */
  readonly answerMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
  readonly totalMs: number;
}

const LIMITS: DownloadLimits = { answerMs: 10_000, idleMs: 30_000, totalMs: 15 * 60_000 };
const MAX_REDIRECTS = 5;

export interface Download {
  /** https; http only on this machine's loopback. Redirects are held to the same. */
  readonly url: string;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly maxBytes: number;
  /** Written here; removed again when the download fails. */
  readonly destination: string;
  readonly limits?: DownloadLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches one file and checks it.
 * @throws EvenkeelError EK_DOWNLOAD_FAILED, EK_CHECKSUM_MISMATCH; the signal's reason
 */
export async function download(options: Download): Promise<void> {
  const limits = options.limits ?? LIMITS;
  const late = AbortSignal.timeout(limits.totalMs);
  const total = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  try {
    const response = await follow(options.url, limits, total);
    await save(response, options, limits, total);
  } catch (cause) {
    await rm(options.destination, { force: true });
    options.signal?.throwIfAborted();
    const what = late.aborted ? `not done after ${limits.totalMs / 1000} s` : (cause as Error).message;
    throw new EvenkeelError("EK_DOWNLOAD_FAILED", what, { where: options.url, cause });
  }
  await requireSha256(options.destination, options.sha256, options.url);
}

async function follow(first: string, limits: DownloadLimits, total: AbortSignal): Promise<IncomingMessage> {
  let url = new URL(first);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await ask(url, limits, total);
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    response.destroy();
    const location = response.headers.location;
    if (status < 300 || status > 399 || location === undefined) throw new Error(`${url.host} answered ${status}`);
    url = new URL(location, url);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

function ask(url: URL, limits: DownloadLimits, total: AbortSignal): Promise<IncomingMessage> {
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback))
    throw new Error(`${url.protocol}//${url.host} is not https`);
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { signal: total, headers: { "user-agent": "evenkeel" }, agent: false });
    const timer = setTimeout(
      () => sent.destroy(new Error(`${url.host} did not answer within ${limits.answerMs / 1000} s`)),
      limits.answerMs,
    );
    sent.once("response", (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    sent.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end();
  });
}

async function save(
  response: IncomingMessage,
  options: Download,
  limits: DownloadLimits,
  total: AbortSignal,
): Promise<void> {
  const tooLong = () => new Error(`is longer than ${options.maxBytes} bytes`);
  if (Number(response.headers["content-length"] ?? 0) > options.maxBytes) {
    response.destroy();
    throw tooLong();
  }
  let received = 0;
  const stalled = setTimeout(
    () => response.destroy(new Error(`no data for ${limits.idleMs / 1000} s after ${received} bytes`)),
    limits.idleMs,
  );
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      stalled.refresh();
      done(received > options.maxBytes ? tooLong() : null, chunk);
    },
  });
  try {
    await pipeline(response, counted, createWriteStream(options.destination), { signal: total });
  } finally {
    clearTimeout(stalled);
  }
}
