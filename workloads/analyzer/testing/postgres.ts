import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chown, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type Child, startChild } from "../../../common/child.ts";
import { EvenkeelError } from "../../../common/errors.ts";
import { freePorts } from "../../../common/ports.ts";
import { withLock } from "../../../common/program/lock.ts";
import { progressToStderr } from "../../../common/program/progress.ts";
import { run } from "../../../common/program/run.ts";
import { platformCache } from "../../../test/rig/cache.ts";
import { unpackPackages } from "../../../test/rig/programs/debian.ts";
import type { DatabaseOptions } from "../database/connect.ts";

/** The numbers of user and group `nobody`: PostgreSQL refuses to run as root. */
const NOBODY = 65534;
const READY_MS = 60_000;
const COMMAND_MS = 120_000;
const LOCK_WAIT_MS = 600_000;
/** The PostgreSQL of a Debian release. */
const DEBIAN: Readonly<Record<string, string>> = { "12": "15", "13": "17" };

/** A real PostgreSQL of our own on a free loopback port. */
export interface Postgres {
  readonly options: DatabaseOptions;
  query(statement: string): Promise<readonly Record<string, unknown>[]>;
  stop(): Promise<void>;
  /** Starts it again with what it has. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/**
 * Starts PostgreSQL with an empty database.
 * @param tls PEM texts; it then speaks TLS, and plain text with whoever wants that
 */
export async function startPostgres(tls?: { readonly cert: string; readonly key: string }): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-postgres-"));
  const programs = await findPostgres(folder);
  const data = join(folder, "data");
  const [port = 0] = await freePorts(1);
  const options: DatabaseOptions = { host: "127.0.0.1", port, name: "postgres", user: "posture", sslMode: "prefer" };
  let child: Child | undefined;
  const stop = async () => {
    // SIGINT: it ends its clients too; SIGTERM would wait for them.
    child?.signal("SIGINT");
    await child?.exited;
    child = undefined;
  };
  const postgres: Postgres = {
    options,
    async query(statement) {
      const { host, name: database, user } = options;
      const client = new Client({ host, port, database, user });
      try {
        await client.connect();
        return (await client.query<Record<string, unknown>>(statement)).rows;
      } finally {
        await client.end();
      }
    },
    stop,
    async start() {
      const settings = {
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        shared_buffers: "16MB",
        ...(tls !== undefined && { ssl: "on" }),
      };
      const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
      const command = programs.command("postgres", ["-D", data, "-p", String(port), ...flags]);
      child = await startChild(command.program, command.args, { name: "postgres", cwd: folder });
      await ready(postgres, child);
    },
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    if (process.getuid?.() === 0) await chown(folder, NOBODY, NOBODY);
    const initdb = programs.command("initdb", [
      "-D",
      data,
      "-U",
      options.user,
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--no-sync",
    ]);
    await run(initdb.program, initdb.args, { cwd: folder, timeoutMs: COMMAND_MS });
    if (tls !== undefined) await writeCertificate(data, tls);
    await postgres.start();
  } catch (error) {
    await postgres.remove();
    throw error;
  }
  return postgres;
}

interface Programs {
  /** What runs one of PostgreSQL's programs as somebody who is not root. */
  command(name: string, args: readonly string[]): { readonly program: string; readonly args: readonly string[] };
}

/** PostgreSQL of this machine, or unpacked from Debian's packages into the cache and copied to where anybody may read. */
async function findPostgres(folder: string): Promise<Programs> {
  const system = binFolder("/");
  if (system !== undefined) return programsIn(system, []);
  const release = /^VERSION_ID="?(\d+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  const version = DEBIAN[release] ?? "15";
  const cache = platformCache();
  const packages = [`postgresql-${version}`, `postgresql-client-${version}`, "libpq5"];
  const cached = await withLock(join(cache, "postgresql.lock"), { waitMs: LOCK_WAIT_MS }, () =>
    unpackPackages("postgresql", packages, cache, progressToStderr),
  );
  const root = join(folder, "system");
  await cp(cached, root, { recursive: true, verbatimSymlinks: true });
  const unpacked = binFolder(root);
  if (unpacked === undefined) throw new EvenkeelError("EK_PROGRAM_MISSING", "the packages hold no PostgreSQL");
  const libraries = join(root, "usr", "lib");
  const triplets = readdirSync(libraries).filter((name) => name.endsWith("-linux-gnu"));
  return programsIn(unpacked, [`LD_LIBRARY_PATH=${triplets.map((name) => join(libraries, name)).join(":")}`]);
}

function binFolder(root: string): string | undefined {
  const versions = join(root, "usr", "lib", "postgresql");
  const found = existsSync(versions) ? readdirSync(versions).toSorted().reverse() : [];
  return found.map((version) => join(versions, version, "bin")).find((folder) => existsSync(join(folder, "initdb")));
}

function programsIn(folder: string, variables: readonly string[]): Programs {
  const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "env"];
  return {
    command: (name, args) => {
      const rest = [...variables, join(folder, name), ...args];
      return process.getuid?.() === 0
        ? { program: "setpriv", args: [...asNobody, ...rest] }
        : { program: "env", args: rest };
    },
  };
}

/** Where PostgreSQL looks by itself. Its key must be its user's alone. */
async function writeCertificate(data: string, { cert, key }: { readonly cert: string; readonly key: string }) {
  for (const [name, text] of Object.entries({ "server.crt": cert, "server.key": key })) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (process.getuid?.() === 0) await chown(join(data, name), NOBODY, NOBODY);
  }
}

async function ready(postgres: Postgres, child: Child): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      await postgres.query("SELECT 1");
      return;
    } catch (cause) {
      if (performance.now() > deadline)
        throw new EvenkeelError("EK_TIMEOUT", `PostgreSQL is not ready: ${child.lastLines().slice(-5).join(" | ")}`, {
          cause,
        });
      await sleep(100);
    }
  }
}
