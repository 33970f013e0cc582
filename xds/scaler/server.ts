import { readFileSync } from "node:fs";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { EvenkeelError } from "../../common/errors.ts";
import { shutDownGrpc } from "../../common/shut-down-grpc.ts";
import { addHealthService } from "../server/health.ts";
import { addScalerService, type ScalerServiceOptions, SERVICE_NAME } from "./service.ts";

/** Files in PEM. */
export interface ServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Who may sign KEDA's certificate: with it every client must show one. */
  readonly clientCa: string | undefined;
}

export interface ScalerServerOptions extends ScalerServiceOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Undefined: plaintext. */
  readonly tls: ServerTls | undefined;
  /** What the gRPC health service says. */
  readonly ready: () => boolean;
}

export interface ScalerServer {
  readonly port: number;
  /** Ends; by force after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** A trigger's metadata is some hundred bytes. */
const MAX_REQUEST_BYTES = 256 * 1024;
const HEALTH_WATCH_MS = 1000;

/** Serves KEDA. @throws EvenkeelError EK_PORT_IN_USE, EK_SETTING_INVALID, EK_FILE_UNREADABLE */
export async function startScalerServer(options: ScalerServerOptions): Promise<ScalerServer> {
  const credentials = credentialsOf(options.tls);
  const server = new Server({ "grpc.max_receive_message_length": MAX_REQUEST_BYTES });
  addScalerService(server, options);
  addHealthService(server, { ready: options.ready, services: [SERVICE_NAME], watchIntervalMs: HEALTH_WATCH_MS });
  const where = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(where, credentials, (cause, bound) => {
      if (cause === null) return resolve(bound);
      const code = cause.message.includes("EADDRINUSE") ? "EK_PORT_IN_USE" : "EK_SETTING_INVALID";
      reject(new EvenkeelError(code, `the scaler cannot be served there: ${cause.message}`, { where, cause }));
    });
  });
  return {
    port,
    stop: (graceMs) => shutDownGrpc(server, graceMs),
  };
}

function credentialsOf(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { private_key: readPem(tls.key), cert_chain: readPem(tls.certificate) };
  const authority = tls.clientCa === undefined ? null : readPem(tls.clientCa);
  try {
    return ServerCredentials.createSsl(authority, [pair], authority !== null);
  } catch (cause) {
    throw new EvenkeelError("EK_SETTING_INVALID", `the certificate cannot be used: ${(cause as Error).message}`, {
      where: tls.certificate,
      cause,
    });
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", (cause as Error).message, { where: path, cause });
  }
}
