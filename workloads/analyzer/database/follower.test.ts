import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { EvenkeelError } from "../../../common/errors.ts";
import { logger } from "../../../common/log.ts";
import { freePorts } from "../../../common/ports.ts";
import { testFolder } from "../../../common/program/testing.ts";
import { makeAuthority, makeLeaf } from "../../../test/rig/certificates.ts";
import { CsvFile } from "../results/csv-file.ts";
import { diskFiles } from "../results/files.ts";
import { type Postgres, startPostgres } from "../testing/postgres.ts";
import { rowOf } from "../testing/rows.ts";
import { until } from "../testing/wait.ts";
import { connectDatabase, type SslMode } from "./connect.ts";
import { DatabaseFollower } from "./follower.ts";

const DRAIN_MS = 60_000;
const log = logger("follower-test");
log.level = "silent";

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 900_000);
afterAll(() => postgres?.remove());

async function spool(): Promise<CsvFile> {
  const file = new CsvFile(join(await testFolder(), "out.csv"), diskFiles);
  await file.prepare();
  return file;
}

function follow(file: CsvFile): DatabaseFollower {
  const follower = new DatabaseFollower({ csvPath: file.path, files: diskFiles, database: postgres.options, log });
  onTestFinished(() => follower.close());
  return follower;
}

const ids = async () =>
  (await postgres.query("SELECT image_id FROM posture_results ORDER BY 1")).map((row) => row.image_id);

describe("DatabaseFollower", { timeout: 180_000 }, () => {
  test("makes the table and brings rows as they come, with their types", async () => {
    const file = await spool();
    await file.add(rowOf(1, { reason: "=1, \"quoted\" and 'so'", width: "640", topic: "'x" }));
    const follower = follow(file);
    expect(await follower.drain(DRAIN_MS)).toBe(true);
    await file.add(rowOf(2, { status: "rejected", posture: "", confidence: "" }));
    follower.notify();
    expect(await follower.drain(DRAIN_MS)).toBe(true);
    const rows = await postgres.query("SELECT * FROM posture_results ORDER BY image_id");
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      topic: "'x",
      confidence: 0.5,
      width: 640,
      node: null,
      reason: "=1, \"quoted\" and 'so'",
      analysed_at: new Date("2026-01-01T00:00:01Z"),
    });
    expect(rows[1]).toMatchObject({ status: "rejected", posture: null, confidence: null, reason: "" });
  });

  test("rows wait while the database is away, and are there once when it is back", async () => {
    const file = await spool();
    const follower = follow(file);
    expect(await follower.drain(DRAIN_MS)).toBe(true);
    await postgres.stop();
    for (const index of [11, 12]) await file.add(rowOf(index));
    follower.notify();
    expect(await follower.drain(300)).toBe(false);
    await postgres.start();
    await file.add(rowOf(13));
    follower.notify();
    expect(await follower.drain(DRAIN_MS)).toBe(true);
    expect(await ids()).toEqual(expect.arrayContaining([11, 12, 13].map((index) => rowOf(index).image_id)));
  });

  test("a lost position brings no row twice; two followers at once neither", async () => {
    const file = await spool();
    for (const index of [21, 22, 23]) await file.add(rowOf(index));
    expect(await follow(file).drain(DRAIN_MS)).toBe(true);
    const before = await ids();
    await writeFile(`${file.path}.db`, "nonsense");
    const both = [follow(file), follow(file)];
    expect(await Promise.all(both.map((follower) => follower.drain(DRAIN_MS)))).toEqual([true, true]);
    expect(await ids()).toEqual(before);
  });

  test("a row that the database refuses stands in nobody's way", async () => {
    const file = await spool();
    await file.add(rowOf(31, { width: "wide" }));
    await file.add(rowOf(32));
    expect(await follow(file).drain(DRAIN_MS)).toBe(true);
    const now = await ids();
    expect(now).toContain(rowOf(32).image_id);
    expect(now).not.toContain(rowOf(31).image_id);
  });

  test("an older table is brought up to date", async () => {
    await postgres.query("DROP INDEX posture_results_analysed_at; DELETE FROM posture_schema WHERE version = 2");
    const file = await spool();
    await file.add(rowOf(41));
    expect(await follow(file).drain(DRAIN_MS)).toBe(true);
    const found = await postgres.query("SELECT 1 FROM pg_indexes WHERE indexname = 'posture_results_analysed_at'");
    expect(found).toHaveLength(1);
    expect(await ids()).toContain(rowOf(41).image_id);
  });

  test("a file larger than one read comes whole", async () => {
    const file = await spool();
    const reason = "r".repeat(1500);
    await Promise.all(Array.from({ length: 400 }, (_, index) => file.add(rowOf(1000 + index, { reason }))));
    expect(await follow(file).drain(DRAIN_MS)).toBe(true);
    await until("all rows", async () => {
      const [found] = await postgres.query(
        "SELECT count(*)::int AS n FROM posture_results WHERE length(reason) = 1500",
      );
      return found?.n === 400;
    });
  });
});

describe("connectDatabase", { timeout: 180_000 }, () => {
  test("names a database that is not there, and one that does not exist", async () => {
    const [port = 0] = await freePorts(1);
    await expect(connectDatabase({ ...postgres.options, port })).rejects.toMatchObject({
      code: "EK_DATABASE_UNREACHABLE",
      where: `postgresql://127.0.0.1:${port}/postgres`,
    });
    await expect(connectDatabase({ ...postgres.options, name: "nowhere" })).rejects.toThrow(
      'database "nowhere" does not exist',
    );
  });

  test("does not go on without TLS where TLS is asked for", async () => {
    await expect(connectDatabase({ ...postgres.options, sslMode: "require" })).rejects.toThrow("SSL");
    await (await connectDatabase({ ...postgres.options, sslMode: "disable" })).end();
  });

  test("checks what the mode says, as libpq does", async () => {
    const folder = await testFolder();
    for (const authority of ["ca", "other"]) await makeAuthority(folder, authority);
    // Of another host than ours.
    await makeLeaf(folder, "ca", "named", "/CN=db.example.org", "subjectAltName=DNS:db.example.org");
    await makeLeaf(folder, "ca", "ours", "/CN=db", "subjectAltName=DNS:localhost,IP:127.0.0.1");
    const pem = async (name: string) => await readFile(join(folder, name), "utf8");
    const [ca, other] = [await pem("ca.crt"), await pem("other.crt")];
    const serve = async (name: string) => {
      const served = await startPostgres({ cert: await pem(`${name}.crt`), key: await pem(`${name}.key`) });
      onTestFinished(() => served.remove());
      return async (sslMode: SslMode, signer?: string, host = "127.0.0.1") => {
        const options = { ...served.options, host, sslMode, ...(signer === undefined ? {} : { ca: signer }) };
        try {
          const client = await connectDatabase(options);
          const { rows } = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
          await client.end();
          return rows[0]?.ssl as boolean;
        } catch (error) {
          return (error as EvenkeelError).code;
        }
      };
    };
    const named = await serve("named");
    expect(await named("disable")).toBe(false);
    expect(await named("prefer")).toBe(true);
    expect(await named("require")).toBe(true);
    expect(await named("require", ca)).toBe(true);
    expect(await named("require", other)).toBe("EK_DATABASE_UNREACHABLE");
    expect(await named("verify-ca", ca)).toBe(true);
    expect(await named("verify-ca")).toBe("EK_DATABASE_UNREACHABLE");
    expect(await named("verify-full", ca)).toBe("EK_DATABASE_UNREACHABLE");
    const ours = await serve("ours");
    expect(await ours("verify-full", ca)).toBe(true);
    expect(await ours("verify-full", ca, "localhost")).toBe(true);
    expect(await ours("verify-full", other)).toBe("EK_DATABASE_UNREACHABLE");
  });
});
