import multipart from "@fastify/multipart";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { Accepted } from "../server/accepted.ts";
import { answerBrokenRequest, answerExpectation } from "../server/broken-request.ts";
import { finishAccepted } from "../server/drain.ts";
import { Gate, type Place } from "../server/gate.ts";
import { Stopped } from "../server/stopped.ts";
import { createMetrics, type JobOutcome } from "./metrics.ts";
import { refuseDeclaredLength } from "./receive-upload.ts";
import { type Reception, Receptions } from "./receptions.ts";
import { lingerThenClose, Refusal, takeRest } from "./refusal.ts";
import { type JobContext, runJob } from "./run-job.ts";
import type { RunResult } from "./run-script.ts";
import { UploadSpace } from "./upload-space.ts";

/** Longer than a proxy keeps its idle connections, so that it is never the worker who closes one under a request. */
const KEEP_ALIVE_MS = 72_000;
/** How long a client may take for a request's headers. */
const HEADERS_MS = 20_000;
/** Node's own limit for a request comes so much later than ours for an upload, which tells the client more. */
const REQUEST_GRACE_MS = 10_000;

export interface WorkerOptions extends Omit<JobContext, "metrics" | "space"> {
  /** Scripts that run at once. */
  readonly concurrency: number;
  /** Uploads that may wait beyond those. */
  readonly queue: number;
  /** Uploads that may arrive at once. */
  readonly arriving: number;
  /** How many bytes all uploads together may take on the disk. */
  readonly uploadSpaceBytes: number;
  /** How long a client may take to send an upload, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** A client that sends more slowly is ended, in bytes a second. */
  readonly slowestUploadBytesPerS: number;
}

/** The HTTP server that runs uploaded scripts. */
export interface Worker {
  readonly app: FastifyInstance;
  /**
   * Takes no more uploads, waits for those that it has accepted, and closes.
   * @param timeoutMs after this they are ended and answered with 503
   */
  drain(timeoutMs: number): Promise<void>;
}

/** Makes the server; it does not listen yet. */
export async function createWorker(options: WorkerOptions): Promise<Worker> {
  const gate = new Gate(options.concurrency, options.queue);
  const receptions = new Receptions({
    places: options.arriving,
    slowestBytesPerS: options.slowestUploadBytesPerS,
    timeoutMs: options.uploadTimeoutMs,
  });
  const space = new UploadSpace(options.uploadSpaceBytes);
  const metrics = createMetrics(gate, receptions, options.isolation.name);
  const accepted = new Accepted();
  let draining = false;

  const app = fastify({
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: options.uploadTimeoutMs + REQUEST_GRACE_MS,
    http: {
      // Node swaps the two timeouts when the one for headers is the longer.
      headersTimeout: Math.min(HEADERS_MS, options.uploadTimeoutMs),
      connectionsCheckingInterval: Math.min(5000, options.uploadTimeoutMs),
      // Node refuses what names no host without a word; nothing here depends on the host.
      requireHostHeader: false,
    },
    forceCloseConnections: "idle",
    // A request on a kept connection gets our own refusal to the end, with the header that lets proxies try elsewhere.
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => answerError(error, reply),
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.on("checkExpectation", answerExpectation);
  // Envoy sends nothing more to a worker that says so, without waiting for its next health check.
  app.addHook("onSend", async (_request, reply) => {
    if (draining) reply.header("x-envoy-immediate-health-check-fail", "true");
  });
  app.removeAllContentTypeParsers();
  // Whatever it is, the handler answers; nothing but multipart is read.
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  await app.register(multipart, { throwFileSizeLimit: false });
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    if ((error.statusCode ?? 500) >= 500) options.log.error({ err: error }, "a request failed");
    return answerError(error, reply);
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ detail: `there is no ${request.method} ${request.url}: upload to POST /reencrypt` }),
  );

  app.get("/", () => ({
    service: "evenkeel worker",
    upload: "POST /reencrypt, multipart/form-data, the Python script in the field file",
    status: draining ? "draining" : "running",
  }));
  app.get("/healthz", () => ({ status: "healthy" }));
  app.get("/readyz", (_request, reply) =>
    draining ? reply.code(503).send({ detail: "the worker is stopping" }) : reply.send({ status: "ready" }),
  );
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );

  app.post("/reencrypt", async (request, reply) => {
    try {
      if (draining) throw Refusal.draining(false);
      refuseDeclaredLength(request, options.maxUploadBytes);
      // Before the body is read: a proxy that keeps only some of it can still send the upload elsewhere.
      if (gate.isFull) throw Refusal.queueFull();
      const reception = receptions.enter();
      if (reception === undefined) throw Refusal.arrivingFull();
      return await accepted.run(reply.raw, (signal) => answerJob(reception, signal, request, reply));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      metrics.refused(error.reason);
      return refuse(error, request, reply);
    }
  });

  /** Uploads of which a part has arrived are not turned away by a drain, which lets nobody come after them. */
  function enterGate(): Place {
    const place = draining ? gate.enterBeyond() : gate.enter();
    if (place === undefined) throw Refusal.queueFull();
    return place;
  }

  async function answerJob(
    reception: Reception,
    signal: AbortSignal,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    let started = false;
    const onStart = (): void => {
      started = true;
    };
    try {
      const result = await runJob(
        { ...options, metrics, space },
        { request, reception, enter: enterGate, signal, onStart },
      );
      if (result.kind === "cancelled") throw signal.reason;
      metrics.jobEnded(outcomeOf(result));
      return answerResult(result, reply);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      metrics.jobEnded(error instanceof Stopped ? error.outcome : "error");
      if (!(error instanceof Stopped)) throw error;
      // There is nobody left to answer.
      if (error.outcome === "gone") return reply.hijack();
      return await refuse(Refusal.draining(started), request, reply);
    }
  }

  function answerResult(result: AnswerableResult, reply: FastifyReply): FastifyReply {
    if (result.kind === "ended") {
      const { returncode, stdout, stderr, truncated } = result;
      return reply.send({ returncode, stdout, stderr, ...(truncated ? { truncated } : {}) });
    }
    if (result.kind === "timeout") {
      const seconds = (options.limits.timeMs ?? 0) / 1000;
      return reply.code(504).send({ detail: `the script was ended: it ran longer than ${seconds} s` });
    }
    options.log.error({ reason: result.reason }, "a script could not be run");
    return reply.code(500).send({ detail: `the script could not be run: ${result.reason}` });
  }

  // Clients with kept connections go elsewhere with their next request.
  app.addHook("onSend", async (request, reply) => {
    if (draining && request.raw.complete) reply.header("connection", "close");
  });

  return {
    app,
    async drain(timeoutMs) {
      draining = true;
      await finishAccepted(app, accepted, timeoutMs);
    },
  };
}

type AnswerableResult = Exclude<RunResult, { kind: "cancelled" }>;

function outcomeOf(result: AnswerableResult): JobOutcome {
  if (result.kind === "ended") return result.returncode === 0 ? "ok" : "failed";
  return result.kind === "timeout" ? "timeout" : "error";
}

/** Answers a refusal so that the client sees it, also one that is still sending. */
async function refuse(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const ended = await takeRest(request.raw);
  if (!ended) reply.raw.once("finish", () => void lingerThenClose(request.raw));
  return reply.code(refusal.status).headers(refusal.headers).send({ detail: refusal.message });
}

function answerError(error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  // A type that is no type carries no file either.
  if (status === 415) return reply.code(422).send({ detail: "there is no file: the content-type cannot be read" });
  return reply.code(status).send({ detail: status >= 500 ? `the worker failed: ${error.message}` : error.message });
}
