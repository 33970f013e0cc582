import { EvenkeelError } from "../../../common/errors.ts";
import { SSL_MODES } from "../../../workloads/analyzer/database/connect.ts";
import type { TemplateSettings } from "../settings.ts";
import type { MountedSecret } from "./mounted-secret.ts";

const FOLDER = "/db-tls";
/** What the environment may say of the database, besides its password. */
const FROM_ENVIRONMENT = ["DB_HOST", "DB_NAME", "DB_USER", "DB_PORT", "DB_SSLMODE"];
/** Modes that check who signed the database's certificate; `require` does so when it knows an authority, as with libpq. */
const CHECKING = ["require", "verify-ca", "verify-full"];

type DatabaseSettings = Pick<TemplateSettings, "database" | "databaseTlsSecret">;

/** @throws EvenkeelError EK_SETTING_INVALID when its settings contradict each other */
export function requireDatabaseSettings(settings: DatabaseSettings, env: NodeJS.ProcessEnv): void {
  const { database, databaseTlsSecret } = settings;
  const invalid = (what: string, where: string, next: string) =>
    new EvenkeelError("EK_SETTING_INVALID", what, { where, next });
  if (!database) {
    if (databaseTlsSecret === "") return;
    throw invalid("an authority for a database that is not used", "DB_TLS_SECRET", "set DB_ENABLED=true too");
  }
  const mode = env.DB_SSLMODE ?? "";
  if (mode !== "" && !SSL_MODES.some((each) => each === mode))
    throw invalid(`${JSON.stringify(mode)} is none`, "DB_SSLMODE", `give one of ${SSL_MODES.join(", ")}`);
  if (databaseTlsSecret !== "" && mode !== "" && !CHECKING.includes(mode))
    throw invalid(
      `${mode} checks no certificate, and an authority is given to check it by`,
      "DB_SSLMODE, DB_TLS_SECRET",
      `give one of ${CHECKING.join(", ")}; without DB_SSLMODE it is verify-full`,
    );
}

/** Who signs the database's certificate; none: the system's authorities. */
export function databaseCertificates({ databaseTlsSecret }: DatabaseSettings): readonly MountedSecret[] {
  if (databaseTlsSecret === "") return [];
  return [{ name: "db-tls", secretName: databaseTlsSecret, folder: FOLDER, keys: ["ca.crt"] }];
}

/** How the analysers reach the database. @param env says where it is */
export function databaseEnv(
  { database, databaseTlsSecret }: DatabaseSettings,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  if (!database) return { DB_ENABLED: "false" };
  const given = FROM_ENVIRONMENT.flatMap((key) => (env[key] ? [[key, env[key]]] : []));
  return {
    DB_ENABLED: "true",
    // An authority that nobody is checked by would be of no use.
    ...(databaseTlsSecret !== "" && { DB_SSLMODE: "verify-full", DB_CA_FILE: `${FOLDER}/ca.crt` }),
    ...Object.fromEntries(given),
  };
}
