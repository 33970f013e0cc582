import type { ConnectionOptions } from "node:tls";
import { Client } from "pg";
import { EvenkeelError } from "../../../common/errors.ts";

/** How libpq calls them: https://www.postgresql.org/docs/current/libpq-ssl.html. */
export const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly password?: string;
  readonly sslMode: SslMode;
  /** Who may sign the server's certificate, in PEM; absent: the system's authorities. */
  readonly ca?: string;
}

const CONNECT_MS = 10_000;
const QUERY_MS = 30_000;

/**
 * Connects to PostgreSQL.
 * @throws EvenkeelError EK_DATABASE_UNREACHABLE
 */
export async function connectDatabase(options: DatabaseOptions): Promise<Client> {
  if (options.sslMode !== "prefer") {
    const tls = tlsOf(options);
    // Without it a certificate would be checked for `localhost` where the host is an IP address.
    return await connectWith(options, tls === false ? tls : { ...tls, host: options.host });
  }
  try {
    return await connectWith(options, { rejectUnauthorized: false });
  } catch (error) {
    if (!/does not support SSL/.test((error as Error).message)) throw error;
    return await connectWith(options, false);
  }
}

/**
 * What a mode checks: `verify-ca` wants a known signer, `verify-full` the host's name too; `require` only encrypts, but is
 * `verify-ca` when the signer is given, as with libpq.
 */
function tlsOf({ sslMode, ca }: Pick<DatabaseOptions, "sslMode" | "ca">): ConnectionOptions | false {
  const signer = ca === undefined ? {} : { ca };
  switch (sslMode) {
    case "disable":
      return false;
    case "verify-full":
      return { ...signer, rejectUnauthorized: true };
    case "require":
    case "verify-ca":
      if (sslMode === "require" && ca === undefined) return { rejectUnauthorized: false };
      return { ...signer, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    default:
      return { rejectUnauthorized: false };
  }
}

async function connectWith(options: DatabaseOptions, ssl: ConnectionOptions | false): Promise<Client> {
  const { host, port, name, user, password } = options;
  const client = new Client({
    host,
    port,
    database: name,
    user,
    ...(password === undefined ? {} : { password }),
    ssl,
    application_name: "evenkeel-analyzer",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    statement_timeout: QUERY_MS,
  });
  // A connection that breaks while nothing is asked of it says so here; the next query fails in any case.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw unreachable(options, cause);
  }
}

export function unreachable({ host, port, name }: DatabaseOptions, cause: unknown): EvenkeelError {
  const { message, code } = cause as Error & { code?: string };
  return new EvenkeelError("EK_DATABASE_UNREACHABLE", message || String(code), {
    where: `postgresql://${host}:${port}/${name}`,
    cause,
  });
}
