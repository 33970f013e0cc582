import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { findPrograms } from "../../rig/programs/programs.ts";
import type { Rig } from "../../rig/rig.ts";
import type { Install } from "./main.ts";
import { runForCode } from "./run-for-code.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
const ROLE = join(REPOSITORY, "manifests", "doctor", "role.yaml");
const ACCOUNT = "doctor";
const NAMESPACE = "default";
/** How soon the doctor must see what is so, in ms: figures of autoscalers take the longest. */
const PATIENCE_MS = 150_000;
const EVERY_MS = 2000;

export interface Told {
  readonly check: string;
  readonly what: string;
  readonly where: string;
  readonly seen: string;
  readonly mend: string;
}

/** What a finding must say. */
export interface Expected {
  readonly check: string;
  /** A piece of what was found, of where, or of what was seen. */
  readonly says: string;
  /** A piece of what mends it. */
  readonly mend: string;
}

/** `evenkeel doctor`, called as a user would, by an account that has manifests/doctor/role.yaml and no more. */
export interface Doctor {
  /** Waits until it finds nothing wrong. @throws Error with what it finds instead */
  healthy(when: string): Promise<void>;
  /** Waits until it names all of these. @returns what it told, those and others */
  finds(expected: readonly Expected[]): Promise<readonly Told[]>;
  /** Runs the commands that a finding gives. */
  mend(told: Told): Promise<void>;
}

export async function openDoctor({ rig, say, folder }: Install): Promise<Doctor> {
  const kubeconfig = await ownKubeconfig(rig, folder);
  const { kubectl = "" } = await findPrograms(["kubectl"], () => undefined);
  const ask = async () => {
    const words = rig.inside([process.execPath, "cli/evenkeel.ts", "doctor", "--kubeconfig", kubeconfig, "--json"]);
    const { code, stdout, stderr } = await runForCode(words, { cwd: REPOSITORY });
    if (stdout === "") throw new Error(`the doctor ended with ${code}: ${stderr}`);
    return { code, ...(JSON.parse(stdout) as { findings: Told[]; unseen: object[] }) };
  };
  const until = async (wanted: (answer: Awaited<ReturnType<typeof ask>>) => string | undefined) => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask();
      const missing = wanted(answer);
      if (missing === undefined) return answer;
      if (Date.now() > deadline) throw new Error(`${missing}; it told ${JSON.stringify(answer, null, 2)}`);
      await sleep(EVERY_MS);
    }
  };
  return {
    async healthy(when) {
      await until(({ code, findings, unseen }) =>
        code === 0 && findings.length === 0 && unseen.length === 0 ? undefined : `${when} the doctor is not content`,
      );
      say(`the doctor finds nothing wrong ${when}`);
    },
    async finds(expected) {
      const { findings } = await until(({ code, findings }) => {
        const missing = expected.filter((each) => !findings.some((told) => isOf(each, told)));
        if (missing.length > 0) return `the doctor does not name ${missing.map(({ check }) => check).join(", ")}`;
        return code === 1 ? undefined : `the doctor found something and ended with ${code}`;
      });
      for (const { check, what, where } of findings) say(`the doctor: ${what} (${where}) [${check}]`);
      const others = findings.filter((told) => !expected.some((each) => isOf(each, told)));
      if (others.length > 0) throw new Error(`the doctor also told ${JSON.stringify(others, null, 2)}`);
      return findings;
    },
    async mend({ mend }) {
      say(`mending it as told: ${mend.split("\n")[0]}`);
      const path = `PATH=${dirname(kubectl)}:${process.env.PATH}`;
      await rig.exec(["env", path, `KUBECONFIG=${rig.kubeconfig}`, "sh", "-ec", mend]);
    },
  };
}

function isOf(expected: Expected, { check, what, where, seen, mend }: Told): boolean {
  return (
    check === expected.check && `${what}\n${where}\n${seen}`.includes(expected.says) && mend.includes(expected.mend)
  );
}

/** The rig's kubeconfig with the token of an account of the doctor's own. */
async function ownKubeconfig(rig: Rig, folder: string): Promise<string> {
  await rig.kubectl(["apply", "-f", ROLE]);
  await rig.kubectl(["create", "serviceaccount", ACCOUNT, "-n", NAMESPACE]);
  const account = `--serviceaccount=${NAMESPACE}:${ACCOUNT}`;
  await rig.kubectl(["create", "clusterrolebinding", "evenkeel-doctor", "--clusterrole=evenkeel-doctor", account]);
  const token = (await rig.kubectl(["create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=2h"])).trim();
  const config = parse(readFileSync(rig.kubeconfig, "utf8")) as { users: { user: object }[] };
  const path = join(folder, "doctor.kubeconfig");
  const users = config.users.map((each) => ({ ...each, user: { token } }));
  writeFileSync(path, stringify({ ...config, users }), { mode: 0o600 });
  return path;
}
