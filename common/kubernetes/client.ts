import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent, type RequestOptions, request as requestHttps } from "node:https";
import { text as readText } from "node:stream/consumers";
import type { KubeConfig } from "@kubernetes/client-node";
import { EvenkeelError } from "../errors.ts";
import { type KubeAccess, loadKubeConfig } from "./config.ts";
import { type Asked, failureOf, malformed, unreachable } from "./failure.ts";
import type { Verb } from "./rbac.ts";
import { pathOf, type Target } from "./resource-type.ts";

/** One request to the API server. */
export interface KubeRequest {
  readonly verb: Verb;
  /** `path` for what is no resource, e.g. `/version`. */
  readonly target: Target | { readonly path: string };
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body: `application/json` unless it is a patch of another kind. */
  readonly contentType?: string;
  /** For the whole answer, in ms; a stream has none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Another server that knows the same credentials: a kubelet. */
  readonly server?: { readonly url: string; readonly verify: boolean };
}

/** A connection to one cluster. Every failure is an EvenkeelError EK_KUBE_…. */
export interface KubeClient {
  /** The API server's address. */
  readonly server: string;
  /** The namespace of the context, or of the pod; `default` when neither says. */
  readonly namespace: string;
  json<T>(request: KubeRequest): Promise<T>;
  text(request: KubeRequest): Promise<string>;
  /** The answer's body as it comes; the caller reads or destroys it. */
  stream(request: KubeRequest): Promise<IncomingMessage>;
  /** Ends its idle connections. Watches are closed by themselves. */
  close(): void;
}

const METHODS: Readonly<Record<Verb, string>> = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
};
const TIMEOUT_MS = 30_000;
/** TCP looks for a peer that is gone after this long without a byte, in ms. */
const KEEP_ALIVE_MS = 15_000;
/** A kubeconfig is not read again more often than this after refusals, in ms. */
const RELOAD_MS = 5000;

/**
 * Connects to the cluster of the settings; no request is made yet.
 * @throws EvenkeelError EK_KUBE_CONFIG
 */
export function connectKubernetes(access: KubeAccess): KubeClient {
  return kubeClient(() => loadKubeConfig(access));
}

/** @param load reads the access; called again when the API server no longer knows us, for credentials that were renewed */
export function kubeClient(load: () => KubeConfig): KubeClient {
  let config = load();
  let loadedAt = performance.now();
  const agents = {
    "https:": new Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS }),
    "http:": new HttpAgent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS }),
  };
  const server = (config.getCurrentCluster()?.server ?? "").replace(/\/+$/, "");

  const send = async (request: KubeRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    const asked = { verb: request.verb, target: request.target, server: request.server?.url ?? server };
    const url = urlOf(asked.server, request);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = await authenticated(config, request, body, asked);
    if (request.server !== undefined || config.getCurrentCluster()?.proxyUrl === undefined)
      options.agent = url.protocol === "http:" ? agents["http:"] : agents["https:"];
    if (signal !== undefined) options.signal = signal;
    try {
      return await exchange(url, options, body, request.verb !== "create");
    } catch (cause) {
      throw unreachable(cause, asked);
    }
  };

  const answer = async (request: KubeRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    let response = await send(request, signal);
    if (response.statusCode === 401 && performance.now() > loadedAt + RELOAD_MS) {
      response.destroy();
      config = load();
      loadedAt = performance.now();
      response = await send(request, signal);
    }
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    const asked = { verb: request.verb, target: request.target, server: request.server?.url ?? server };
    const body = await readText(response).catch(() => "");
    throw failureOf(code, body, asked);
  };

  const text = async (request: KubeRequest): Promise<string> => {
    const limit = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
    const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
    const response = await answer(request, signal);
    try {
      return await readText(response);
    } catch (cause) {
      throw unreachable(cause, { verb: request.verb, target: request.target, server });
    }
  };

  return {
    server,
    namespace: config.getContextObject(config.currentContext)?.namespace?.trim() || "default",
    text,
    async json<T>(request: KubeRequest): Promise<T> {
      const body = await text(request);
      try {
        return JSON.parse(body) as T;
      } catch {
        throw malformed("the answer is not JSON", { verb: request.verb, target: request.target, server });
      }
    },
    stream: (request) => answer(request, request.signal),
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function urlOf(server: string, { target, query }: KubeRequest): URL {
  const url = new URL(server + ("path" in target ? target.path : pathOf(target)));
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

/** The request's options with client-node's TLS and authentication. */
async function authenticated(
  config: KubeConfig,
  request: KubeRequest,
  body: string | undefined,
  asked: Asked,
): Promise<RequestOptions> {
  const options: RequestOptions = {
    method: METHODS[request.verb],
    headers: {
      accept: "application/json, */*",
      "user-agent": "evenkeel",
      ...(body === undefined
        ? {}
        : {
            "content-type": request.contentType ?? "application/json",
            "content-length": String(Buffer.byteLength(body)),
          }),
    },
  };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw new EvenkeelError("EK_KUBE_UNAUTHORISED", `no credentials: ${(cause as Error).message}`, {
      where: asked.server,
      next: "run the kubeconfig's login or exec plugin by hand and see what it says",
      cause,
    });
  }
  if (request.server?.verify === false) options.rejectUnauthorized = false;
  return options;
}

/** Sends one request; a kept connection that the server closed meanwhile costs a second attempt, not an error. */
async function exchange(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
  again: boolean,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "http:" ? requestHttp : requestHttps)(url, options);
  request.on("response", resolve);
  // Stays for the whole life of the connection: a late reset must not end the process.
  request.on("error", reject);
  request.end(body);
  try {
    return await promise;
  } catch (error) {
    const stale = request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
    if (!stale || !again) throw error;
    return exchange(url, options, body, again);
  }
}
