import type { ClientBase } from "pg";
import { COLUMNS, type Row } from "../results/row.ts";

/** The schema's versions, oldest first: each is what is done to the one before. A statement here is never changed. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE posture_results (
    image_id text PRIMARY KEY,
    topic text NOT NULL,
    received_at timestamptz NOT NULL,
    analysed_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('analysed', 'rejected')),
    posture text,
    confidence double precision,
    reason text NOT NULL,
    width integer,
    height integer,
    bytes integer NOT NULL,
    image_file text,
    estimator text NOT NULL,
    node text,
    pod text
  )`,
  "CREATE INDEX posture_results_analysed_at ON posture_results (analysed_at)",
];

/** Any number that all analysers agree on, for PostgreSQL's advisory lock: two must not make the table at once. */
const LOCK = 7_239_044_186;

/** Makes the table, or brings an older one up to date. */
export async function migrate(client: ClientBase): Promise<void> {
  await inTransaction(client, async () => {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query("CREATE TABLE IF NOT EXISTS posture_schema (version integer PRIMARY KEY, made_at timestamptz)");
    const { rows } = await client.query<{ version: number }>("SELECT version FROM posture_schema");
    const done = Math.max(0, ...rows.map(({ version }) => version));
    for (const [index, statement] of MIGRATIONS.entries()) {
      if (index < done) continue;
      await client.query(statement);
      await client.query("INSERT INTO posture_schema VALUES ($1, now())", [index + 1]);
    }
  });
}

/** Adds rows, all or none; those whose image is there already change nothing. */
export async function insert(client: ClientBase, rows: readonly Row[]): Promise<void> {
  const records = rows.map((row) => Object.fromEntries(COLUMNS.map((column) => [column, row[column] || null])));
  // Columns that are never null are written as they are: an empty reason is one.
  const filled = records.map((record) => ({ ...record, topic: record.topic ?? "", reason: record.reason ?? "" }));
  const columns = COLUMNS.join(", ");
  await client.query(
    `INSERT INTO posture_results (${columns})
     SELECT ${columns} FROM json_populate_recordset(NULL::posture_results, $1)
     ON CONFLICT (image_id) DO NOTHING`,
    [JSON.stringify(filled)],
  );
}

async function inTransaction(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  try {
    await work();
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
