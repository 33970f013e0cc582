import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Programs for tests that say what docker, kind and minikube say, note each call in `calls`, and keep their little state in
 * files. Builtins of the shell and absolute paths alone are used: PATH holds nothing but what a test puts there.
 */
const SCRIPTS = {
  docker: `
case "$1" in
  info) [ ! -e "$STATE/docker-down" ] || { echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1; } ;;
  build)
    [ ! -e "$STATE/build-fails" ] || { echo "ERROR: failed to solve: npm ci did not complete" >&2; exit 1; }
    echo "#1 building"
    while [ $# -gt 0 ]; do [ "$1" != --iidfile ] || { echo "sha256:0123456789abcdef0123" > "$2"; : > "$STATE/image"; }; shift; done ;;
  image)
    [ ! -e "$STATE/image-$2-fails" ] || { echo "Error response from daemon: conflict" >&2; exit 1; }
    [ "$2" != ls ] || [ ! -e "$STATE/image" ] || echo "evenkeel/evenkeel:0123456789ab
theirs/upon-ours:1
mine:5000/app:1
<none>:<none>" ;;
esac`,
  kind: `
case "$1 $2" in
  "get clusters") [ ! -e "$STATE/kind" ] || echo evenkeel ;;
  "create cluster") [ ! -e "$STATE/start-fails" ] || { echo "ERROR: failed to create cluster: node(s) already exist" >&2; exit 1; }
    echo "Creating cluster"; [ ! -e "$STATE/start-hangs" ] || { : > "$STATE/kind-hangs"; exec /bin/sleep 600; }
    : > "$STATE/kind" ;;
  "delete cluster") : > "$STATE/kind-deleted" ;;
esac`,
  minikube: `
case "$1" in
  status) [ -e "$STATE/minikube" ] || { echo '* Profile "evenkeel" not found.'; exit 85; } ;;
  start) [ ! -e "$STATE/start-fails" ] || { echo "X Exiting due to RSRC_DOCKER_CORES: too few CPUs" >&2; exit 29; }
    echo "* Done!"; : > "$STATE/minikube" ;;
  delete) : > "$STATE/minikube-deleted" ;;
esac`,
} as const;

/** A stand-in's name. */
export type StandIn = keyof typeof SCRIPTS;

/** A folder of stand-ins, which is all that is on PATH. */
export interface StandIns {
  readonly env: NodeJS.ProcessEnv;
  /** The calls so far, one a line, e.g. `docker info …`. */
  calls(): string[];
  /** Sets a fact that the scripts look at, e.g. `docker-down`. */
  set(fact: string): void;
  has(fact: string): boolean;
  remove(): void;
}

/** @param programs real ones to be on PATH too, by name */
export function makeStandIns(wanted: readonly StandIn[], programs: Readonly<Record<string, string>> = {}): StandIns {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-stand-ins-"));
  const [bin, state] = [join(folder, "bin"), join(folder, "state")];
  for (const path of [bin, state]) mkdirSync(path);
  const calls = join(folder, "calls");
  writeFileSync(calls, "");
  for (const name of wanted) {
    const script = `#!/bin/sh\nSTATE='${state}'\necho "${name} $*" >> '${calls}'\n${SCRIPTS[name].trim()}\nexit 0\n`;
    writeFileSync(join(bin, name), script, { mode: 0o755 });
  }
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
  return {
    env: { PATH: bin, HOME: folder },
    calls: () => readFileSync(calls, "utf8").split("\n").slice(0, -1),
    set: (fact) => writeFileSync(join(state, fact), ""),
    has: (fact) => existsSync(join(state, fact)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
