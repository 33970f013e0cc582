import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import { waitUntil } from "../../rig/ready.ts";
import { configText } from "../proxy/process.ts";
import { platforms } from "./bases.ts";
import type { Docker } from "./docker.ts";

/** As our manifests run containers: no rights, nothing to write on but what is mounted. */
const HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"];
const STARTS_MS = 120_000;
const PORT = 8080;
const SCRIPT = join(import.meta.dirname, "../../../examples/burn.py");

/** The image runs as the user 1000 and shows the help of this command of Evenkeel, the whole list with none. */
export async function showsHelp(docker: Docker, image: string, ...command: readonly string[]): Promise<string> {
  const user = await once(docker, image, ["-p", "process.getuid()"]);
  if (user.trim() !== "1000") throw fault(image, `runs as user ${user.trim()}, not 1000`);
  const help = await once(docker, image, ["cli/evenkeel.ts", ...command, "--help"]);
  if (!help.includes(command[0] ?? "COMMAND")) throw fault(image, `this is no help: ${help.slice(0, 300)}`);
  return help;
}

/** Every command that the image lists can be loaded: nothing that it imports was left out. @returns how many there are */
export async function loadsEveryCommand(docker: Docker, image: string): Promise<number> {
  const help = await showsHelp(docker, image);
  const list = /\nCommands\n([\s\S]*?)\n\n/.exec(help)?.[1] ?? "";
  const commands = [...list.matchAll(/^ {2}(\S+) /gm)].map((match) => match[1] as string);
  const script = `
    const { spawnSync } = require("node:child_process");
    for (const command of ${JSON.stringify(commands)}) {
      const { status, stderr } = spawnSync(process.execPath, ["cli/evenkeel.ts", command, "--help"], { encoding: "utf8" });
      if (status !== 0) throw new Error(command + " --help ended with " + status + ": " + stderr);
    }
    console.log("all " + ${commands.length});`;
  const said = await once(docker, image, ["-e", script]);
  if (commands.length < 10 || !said.includes(`all ${commands.length}`))
    throw fault(image, `of the commands ${commands.join(", ")} not all can be loaded: ${said}`);
  return commands.length;
}

/** Without arguments, an image of the target `app` runs its own program: told a wrong setting, that one complains of it. */
export async function runsItsProgram(docker: Docker, image: string, variable: string): Promise<void> {
  const words = ["run", "--rm", ...HARDENED, "--env", `${variable}=no such value`, image];
  const said = await docker.docker(words).then(
    () => "it ended as if nothing were wrong",
    (error: Error) => error.message,
  );
  if (!said.includes(variable)) throw fault(image, `it did not complain of ${variable}: ${said}`);
}

/** The analyser's packages with compiled parts do their work in the image: sharp, and ONNX Runtime on a small model. */
export async function analyses(docker: Docker, image: string): Promise<void> {
  const script = `
    import { writeFileSync } from "node:fs";
    import sharp from "sharp";
    import { loadPoseModel } from "/app/workloads/analyzer/estimate/pose-model.ts";
    import { linearPoseModel } from "/app/workloads/analyzer/testing/onnx.ts";
    writeFileSync("/tmp/pose.onnx", linearPoseModel([1, 8, 8, 3], Array(51).fill(0.5), Array(51).fill(0)));
    const model = await loadPoseModel("/tmp/pose.onnx");
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background: "white" } });
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    await model.estimate({ data, width: info.width, height: info.height });
    console.log("estimated");`;
  const words = ["run", "--rm", ...HARDENED, "--tmpfs=/tmp", image, "--input-type=module", "-e", script];
  const said = await docker.docker(words);
  if (!said.includes("estimated")) throw fault(image, `the estimate ended without an answer: ${said}`);
}

/** The worker of the image is ready, runs an uploaded script, and ends well when it is told to. */
export async function runsScripts(docker: Docker, image: string): Promise<void> {
  await serving(docker, image, ["--tmpfs", "/tmp"], [], "/readyz", async (ask) => {
    const text = JSON.stringify(readFileSync(SCRIPT, "utf8"));
    const form = `const body = new FormData(); body.append("file", new Blob([${text}]), "script.py");`;
    const answer = await ask("/reencrypt", `{ method: "POST", body }`, form);
    if (!answer.startsWith("200 ") || !answer.includes('"returncode":0'))
      throw fault(image, `POST /reencrypt was answered ${answer}`);
  });
}

/** The proxy of the image serves, with the Envoy and the authorities in it, and ends well when it is told to. */
export async function proxies(docker: Docker, image: string, folder: string): Promise<void> {
  const mounted = join(folder, "proxy");
  mkdirSync(mounted);
  const services = [{ name: "own", domain: "*", hosts: [{ address: "https://127.0.0.1", port: 1 }] }];
  writeFileSync(join(mounted, "config.yaml"), configText(PORT, services));
  const flags = ["--tmpfs", "/tmp", "--volume", `${mounted}:/etc/evenkeel:ro`];
  const words = ["cli/evenkeel.ts", "proxy", "--config-file", "/etc/evenkeel/config.yaml"];
  await serving(docker, image, flags, words, "/api/v2/_health_check", async (ask) => {
    // The service's one host is not there: Envoy itself says so.
    const answer = await ask("/");
    if (!answer.startsWith("503 ")) throw fault(image, `a host that is down was answered ${answer}`);
  });
}

/** The image for the other platform says so, and has compiled parts for that processor alone. */
export async function isForTheOther(docker: Docker, image: string): Promise<void> {
  const [own, other] = platforms();
  const architecture = await docker.docker(["image", "inspect", "--format", "{{.Architecture}}", image]);
  if (architecture.trim() !== other) throw fault(image, `it is for ${architecture.trim()}, not ${other}`);
  const name = (await docker.docker(["create", "--platform", `linux/${other}`, image])).trim();
  try {
    const npm = (processor: string) => `sharp-linux-${processor === "amd64" ? "x64" : processor}`;
    const copy = (folder: string) =>
      docker.docker(["cp", `${name}:/app/node_modules/@img/${folder}/package.json`, "-"]);
    await copy(npm(other));
    const wrong = await copy(npm(own)).then(
      () => true,
      () => false,
    );
    if (wrong) throw fault(image, `the image for ${other} has ${npm(own)}`);
  } finally {
    await docker.docker(["rm", name]);
  }
}

async function once(docker: Docker, image: string, words: readonly string[]): Promise<string> {
  return docker.docker(["run", "--rm", ...HARDENED, image, ...words]);
}

/** Asks the container for a path: status and text of the answer. `given` and `before` are JavaScript. */
type Ask = (path: string, given?: string, before?: string) => Promise<string>;

async function serving(
  docker: Docker,
  image: string,
  flags: readonly string[],
  words: readonly string[],
  readyPath: string,
  work: (ask: Ask) => Promise<void>,
): Promise<void> {
  const id = (await docker.docker(["run", "--detach", ...HARDENED, ...flags, image, ...words])).trim();
  try {
    const ask: Ask = (path, given = "{}", before = "") => {
      const script = `${before} const answer = await fetch("http://127.0.0.1:${PORT}${path}", ${given});
        console.log(answer.status, await answer.text());`;
      return docker.docker(["exec", id, "node", "--input-type=module", "-e", script]);
    };
    await waitUntil(`an answer of ${image}`, async () => (await ask(readyPath)).startsWith("200 "), {
      timeoutMs: STARTS_MS,
      everyMs: 1000,
    });
    await work(ask);
    await docker.docker(["stop", "--time", "60", id]);
    const code = (await docker.docker(["inspect", "--format", "{{.State.ExitCode}}", id])).trim();
    if (code !== "0") throw fault(image, `told to stop, it ended with ${code}`);
  } catch (error) {
    const log: string[] = [];
    await docker.docker(["logs", "--tail", "20", id], { onLine: (line) => log.push(line) }).catch(() => undefined);
    throw fault(image, `${(error as Error).message}\nits log: ${log.join("\n")}`);
  } finally {
    await docker.docker(["rm", "--force", id]);
  }
}

function fault(image: string, what: string): EvenkeelError {
  return new EvenkeelError("EK_CHILD_FAILED", what, { where: image });
}
