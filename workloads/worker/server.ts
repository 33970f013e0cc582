import multipart from "@fastify/multipart";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { answerBrokenRequest, answerExpectation } from "./broken-request.ts";
import { finishAccepted } from "./drain.ts";
import { Gate, type Place } from "./gate.ts";
import { createMetrics, type JobOutcome } from "./metrics.ts";
import { refuseDeclaredLength } from "./receive-upload.ts";
import { lingerThenClose, Refusal, takeRest } from "./refusal.ts";
import { type JobContext, runJob } from "./run-job.ts";
import type { RunResult } from "./run-script.ts";
import { Stopped } from "./stopped.ts";

/** Longer than a proxy keeps its idle connections, so that it is never the worker who closes one under a request. */
const KEEP_ALIVE_MS = 72_000;
/** How long a client may take for a request's headers. */
const HEADERS_MS = 20_000;

export interface WorkerOptions extends Omit<JobContext, "metrics"> {
  /** Scripts that run at once. */
  readonly concurrency: number;
  /** Uploads that may wait beyond those. */
  readonly queue: number;
  /** How long a client may take to send a request, in milliseconds. */
  readonly uploadTimeoutMs: number;
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
  const metrics = createMetrics(gate, options.isolation.name);
  const accepted = new Set<AbortController>();
  let draining = false;

  const app = fastify({
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: options.uploadTimeoutMs,
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
      const place = gate.enter();
      if (place === undefined) throw Refusal.queueFull();
      return await answerJob(place, request, reply);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      metrics.refused(error.reason);
      return refuse(error, request, reply);
    }
  });

  async function answerJob(place: Place, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const job = new AbortController();
    accepted.add(job);
    const onClose = (): void => job.abort(new Stopped("gone"));
    reply.raw.once("close", onClose);
    let started = false;
    const onStart = (): void => {
      started = true;
    };
    try {
      const result = await runJob({ ...options, metrics }, { request, place, signal: job.signal, onStart });
      if (result.kind === "cancelled") throw job.signal.reason;
      metrics.jobEnded(outcomeOf(result));
      return answerResult(result, reply);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      metrics.jobEnded(error instanceof Stopped ? error.outcome : "error");
      if (!(error instanceof Stopped)) throw error;
      // There is nobody left to answer.
      if (error.outcome === "gone") return reply.hijack();
      return await refuse(Refusal.draining(started), request, reply);
    } finally {
      reply.raw.off("close", onClose);
      accepted.delete(job);
      place.leave();
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
      await finishAccepted(app, gate, accepted, timeoutMs);
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
