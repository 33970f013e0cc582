import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from "fastify";
import type { Logger } from "../../common/log.ts";
import { Accepted } from "../server/accepted.ts";
import { answerBrokenRequest } from "../server/broken-request.ts";
import { finishAccepted } from "../server/drain.ts";
import { Gate, type Place } from "../server/gate.ts";
import { Stopped } from "../server/stopped.ts";
import { Burner } from "./burner.ts";
import { createMetrics } from "./metrics.ts";

export interface CpuLoadOptions {
  /** How long a request to /load burns. */
  readonly durationMs: number;
  readonly threads: number;
  /** Requests that burn at once. */
  readonly concurrency: number;
  /** Requests that may wait beyond those. */
  readonly queue: number;
  readonly podName: string;
  readonly appVersion: string;
  readonly log: Logger;
}

/** The HTTP server that burns CPU. */
export interface CpuLoad {
  readonly app: FastifyInstance;
  /**
   * Accepts no more requests to /load, waits for those that it has, and closes.
   * @param timeoutMs after this they are ended and answered with 503
   */
  drain(timeoutMs: number): Promise<void>;
}

/** Makes the server; it does not listen yet. */
export function createCpuLoad(options: CpuLoadOptions): CpuLoad {
  const gate = new Gate(options.concurrency, options.queue);
  const burner = new Burner(options.threads);
  const metrics = createMetrics(gate);
  const accepted = new Accepted();
  let draining = false;

  const app = fastify({
    forceCloseConnections: "idle",
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => answerError(error, reply),
    clientErrorHandler: answerBrokenRequest,
  });
  app.removeAllContentTypeParsers();
  // No route reads a body: whatever comes is let through unread.
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    if ((error.statusCode ?? 500) >= 500) options.log.error({ err: error }, "a request failed");
    return answerError(error, reply);
  });
  const paths = ["/", "/health", "/load", "/info", "/metrics"];
  // Before anything looks at the body or its type: a wrong method is what matters then.
  app.addHook("onRequest", async (request, reply) => {
    if (!request.is404) return;
    const path = request.url.replace(/\?.*$/s, "");
    if (!paths.includes(path))
      return reply.code(404).send({ detail: `there is no ${path}; there are ${paths.join(", ")}` });
    return reply
      .code(405)
      .header("allow", "GET")
      .send({ detail: `${path} takes GET, not ${request.method}` });
  });

  app.get("/", () => ({ message: "Evenkeel's CPU load: GET /load burns CPU", status: "running" }));
  app.get("/health", () => ({ status: "healthy" }));
  app.get("/info", () => ({ hostname: hostname(), pod_name: options.podName, app_version: options.appVersion }));
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );

  // A HEAD would burn as much and say nothing.
  app.get("/load", { exposeHeadRoute: false }, async (_request, reply) => {
    // A Service picks a pod for each connection, not for each request: a client that kept its connection would never
    // reach the pods that are started because of it.
    reply.header("connection", "close");
    if (draining) {
      metrics.refused("draining");
      return unavailable(reply, "the app is stopping");
    }
    const place = gate.enter();
    if (place === undefined) {
      metrics.refused("queue-full");
      return unavailable(reply, `${options.concurrency + options.queue} requests burn or wait already`);
    }
    return await accepted.run(reply.raw, (signal) => answerBurn(place, signal, reply));
  });

  async function answerBurn(place: Place, signal: AbortSignal, reply: FastifyReply): Promise<FastifyReply> {
    const begin = performance.now();
    try {
      await place.turn(signal);
      const { durationMs, result } = await burner.burn(options.durationMs, signal);
      metrics.ended("ok");
      metrics.answered((performance.now() - begin) / 1000);
      const seconds = Math.round(durationMs) / 1000;
      return reply.send({ message: `burned CPU for ${seconds} s`, duration_seconds: seconds, result });
    } catch (error) {
      metrics.ended(error instanceof Stopped ? error.outcome : "error");
      if (!(error instanceof Stopped)) throw error;
      // There is nobody left to answer.
      return error.outcome === "gone" ? reply.hijack() : unavailable(reply, "the app had to stop");
    } finally {
      place.leave();
    }
  }

  // Clients with kept connections go elsewhere with their next request.
  app.addHook("onSend", async (_request, reply) => {
    if (draining) reply.header("connection", "close");
  });
  app.addHook("onClose", () => burner.close());

  return {
    app,
    async drain(timeoutMs) {
      draining = true;
      await finishAccepted(app, accepted, timeoutMs);
    },
  };
}

function unavailable(reply: FastifyReply, detail: string): FastifyReply {
  return reply.code(503).header("retry-after", "1").send({ detail });
}

function answerError(error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  return reply.code(status).send({ detail: status >= 500 ? `the app failed: ${error.message}` : error.message });
}
