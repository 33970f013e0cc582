import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describeError, EvenkeelError } from "../../common/errors.ts";
import { loadSettings } from "../../common/settings.ts";
import { COMMAND, splitWords, verbOf } from "./command.ts";
import { downRig } from "./down.ts";
import { packImage } from "./images/archive.ts";
import { evenkeelImage } from "./images/evenkeel.ts";
import { checkName, stateFolder } from "./place.ts";
import { findPrograms } from "./programs/programs.ts";
import { openRig, type Rig, type RigOptions, upRig } from "./rig.ts";
import { statusText } from "./status.ts";

const started = Date.now();
const onProgress = (line: string) =>
  void process.stderr.write(`rig ${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const { own, passedOn } = splitWords(args);
  const loaded = loadSettings(COMMAND, own);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values, operands } = loaded;
  const { verb, words } = verbOf(operands);
  const name = checkName(values.name);
  const context = values.context === "" ? undefined : values.context;
  const open = () => (context === undefined ? openRig(name, onProgress) : upRig({ context, onProgress }));
  switch (verb) {
    case "up":
      return up({ ...values, name, onProgress, context });
    case "down":
      if (context === undefined && !(await downRig(stateFolder(name), { force: values.force, onProgress })))
        onProgress(`there is no rig ${name}`);
      return 0;
    case "status":
      return withRig(open, async (rig) => {
        process.stdout.write(await statusText(rig));
        return 0;
      });
    case "kubectl": {
      const { kubectl } = await findPrograms(["kubectl"], onProgress);
      return withRig(open, (rig) =>
        passOn(rig.inside([kubectl as string, "--kubeconfig", rig.kubeconfig, ...passedOn])),
      );
    }
    case "exec":
      if (passedOn.length === 0) throw new EvenkeelError("EK_USAGE", "exec needs a command");
      return withRig(open, (rig) => passOn(rig.inside(passedOn), { KUBECONFIG: rig.kubeconfig }));
    case "load":
      return withRig(open, (rig) => rig.loadImage(existingFile(words[0])).then(() => 0));
    case "pack":
      await packImage(await evenkeelImage({ python: values.python }), resolve(required(words[0], "pack needs a file")));
      return 0;
    case "restart":
      return withRig(open, (rig) => rig.restart(required(words[0], "restart needs a part")).then(() => 0));
    case "kill":
      return withRig(open, (rig) => rig.kill(required(words[0], "kill needs a part")).then(() => 0));
  }
}

async function up(options: RigOptions): Promise<number> {
  // Broken off, it takes down what is there already.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      void downRig(stateFolder(options.name ?? "default"), { onProgress }).finally(() => process.exit(130));
    });
  const rig = await upRig(options);
  onProgress(`the rig ${rig.name} is up; its kubeconfig is ${rig.kubeconfig}`);
  if (rig.kind === "context") await rig.down();
  return 0;
}

/** A rig of the user's own cluster has a temporary kubeconfig, which goes with the command. */
async function withRig(open: () => Promise<Rig>, work: (rig: Rig) => Promise<number>): Promise<number> {
  const rig = await open();
  try {
    return await work(rig);
  } finally {
    if (rig.kind === "context") await rig.down();
  }
}

/** Runs a command in this terminal and gives its exit code. */
function passOn([program, ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(program as string, args, { stdio: "inherit", env: { ...process.env, ...env } });
  // Ctrl-C goes to the command, which the terminal signals too; it decides when to end.
  process.on("SIGINT", () => undefined);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new EvenkeelError("EK_PROGRAM_MISSING", `${program} cannot be started: ${cause.message}`, { cause })),
    );
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

function existingFile(word: string | undefined): string {
  const path = resolve(required(word, "load needs an image archive"));
  if (existsSync(path)) return path;
  throw new EvenkeelError("EK_FILE_UNREADABLE", "there is no such image archive", { where: path });
}

function required(word: string | undefined, what: string): string {
  if (word !== undefined) return word;
  throw new EvenkeelError("EK_USAGE", what, { next: "see npm run rig -- --help" });
}
