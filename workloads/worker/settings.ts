import { tmpdir } from "node:os";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { type Command, is, type Parser, type Values } from "../../common/settings.ts";
import { countOrCpus, serverSettings } from "../server/settings.ts";

const GIB = 2 ** 30;
const DAY_MS = 86_400_000;

/** How many of the largest uploads `auto` has room for. */
const AUTO_UPLOADS = 16;

/** A size, or undefined for `auto`. */
const uploadSpace: Parser<number | undefined> = (text) => (text === "auto" ? undefined : is.bytes(1, 1024 * GIB)(text));

const { host, port, drainTimeout } = serverSettings({
  env: "EVENKEEL_WORKER",
  port: "8080",
  drainTimeout: "200s",
  accepts: "uploads",
});

const settings = {
  host,
  port,
  python: {
    flag: "python",
    env: "EVENKEEL_WORKER_PYTHON",
    parse: is.text,
    default: "python3",
    value: "PROGRAM",
    help: "the Python that runs the scripts, a path or a name on PATH",
  },
  workDir: {
    flag: "work-dir",
    env: "EVENKEEL_WORKER_WORK_DIR",
    parse: is.text,
    // Each user's own: what one user has made, another cannot write.
    default: join(tmpdir(), `evenkeel-worker-${process.getuid?.() ?? 0}`),
    value: "DIR",
    help: "where jobs have their directories; not to be shared by containers",
  },
  isolation: {
    flag: "isolation",
    env: "EVENKEEL_WORKER_ISOLATION",
    parse: is.choice("auto", "namespaces", "process-group"),
    default: "auto",
    value: "KIND",
    help: "namespaces (a PID namespace for each script), process-group, or auto: the first that works here",
  },
  noNetwork: {
    flag: "no-network",
    env: "EVENKEEL_WORKER_NO_NETWORK",
    parse: is.flag,
    help: "scripts have no network at all; needs namespaces",
  },
  concurrency: {
    flag: "concurrency",
    env: "EVENKEEL_WORKER_CONCURRENCY",
    parse: countOrCpus(1024),
    default: "auto",
    value: "N",
    help: "scripts that run at once; auto: one for each CPU of the limit",
  },
  queue: {
    flag: "queue",
    env: "EVENKEEL_WORKER_QUEUE",
    parse: is.integer(0, 100_000),
    default: "16",
    value: "N",
    help: "uploads that may wait beyond those that run; more are refused with 503",
  },
  arriving: {
    flag: "arriving",
    env: "EVENKEEL_WORKER_ARRIVING",
    parse: is.integer(1, 10_000),
    default: "64",
    value: "N",
    help: "uploads that may arrive at once; beyond that a slow one yields, or the new one is refused with 503",
  },
  maxUpload: {
    flag: "max-upload",
    env: "EVENKEEL_WORKER_MAX_UPLOAD",
    parse: is.bytes(1, 64 * GIB),
    default: "64MiB",
    value: "SIZE",
    help: "largest script",
  },
  uploadSpace: {
    flag: "upload-space",
    env: "EVENKEEL_WORKER_UPLOAD_SPACE",
    parse: uploadSpace,
    default: "auto",
    value: "SIZE",
    help: `what all uploads together may take on the disk, more is refused with 503; auto: ${AUTO_UPLOADS} of the largest`,
  },
  uploadTimeout: {
    flag: "upload-timeout",
    env: "EVENKEEL_WORKER_UPLOAD_TIMEOUT",
    parse: is.duration(1000, DAY_MS),
    default: "60s",
    value: "TIME",
    help: "how long a client may take to send an upload; then 408",
  },
  slowestUpload: {
    flag: "slowest-upload",
    env: "EVENKEEL_WORKER_SLOWEST_UPLOAD",
    parse: is.bytes(1, GIB),
    default: "4KiB",
    value: "SIZE",
    help: "a client that sends less than this a second, over 10 s, is ended with 408",
  },
  timeLimit: {
    flag: "time-limit",
    env: "EVENKEEL_WORKER_TIME_LIMIT",
    parse: is.durationOrNone(1, DAY_MS),
    default: "180s",
    value: "TIME",
    help: "how long a script may run, or none",
  },
  cpuLimit: {
    flag: "cpu-limit",
    env: "EVENKEEL_WORKER_CPU_LIMIT",
    parse: is.duration(1000, DAY_MS),
    default: "10m",
    value: "TIME",
    help: "CPU time of each of a script's processes",
  },
  memoryLimit: {
    flag: "memory-limit",
    env: "EVENKEEL_WORKER_MEMORY_LIMIT",
    parse: is.bytes(32 * 2 ** 20, 1024 * GIB),
    default: "1GiB",
    value: "SIZE",
    help: "address space of each of a script's processes",
  },
  processLimit: {
    flag: "process-limit",
    env: "EVENKEEL_WORKER_PROCESS_LIMIT",
    parse: is.integer(1, 1_000_000),
    default: "1024",
    value: "N",
    help: "processes and threads of the worker's user; the kernel does not hold root to it",
  },
  fileLimit: {
    flag: "file-limit",
    env: "EVENKEEL_WORKER_FILE_LIMIT",
    parse: is.bytes(0, 1024 * GIB),
    default: "256MiB",
    value: "SIZE",
    help: "largest file that a script may write",
  },
  outputLimit: {
    flag: "output-limit",
    env: "EVENKEEL_WORKER_OUTPUT_LIMIT",
    parse: is.bytes(0, 256 * 2 ** 20),
    default: "1MiB",
    value: "SIZE",
    help: "how much of stdout, and of stderr, is kept",
  },
  drainTimeout,
} as const;

/** The settings of the worker, read. */
export type WorkerSettings = Values<typeof settings>;

/** `evenkeel worker`. */
export const WORKER_COMMAND: Command<typeof settings> = {
  name: "evenkeel worker",
  summary: "Runs uploaded Python scripts: POST /reencrypt, multipart field `file`.",
  settings,
  examples: ["evenkeel worker --port 8080", "curl -F file=@my_script.py http://127.0.0.1:8080/reencrypt"],
};

/**
 * How many bytes all uploads together may take.
 * @throws EvenkeelError EK_SETTING_INVALID when not even one of the largest has room
 */
export function uploadSpaceBytes({ uploadSpace, maxUpload }: WorkerSettings): number {
  if (uploadSpace === undefined) return AUTO_UPLOADS * maxUpload;
  if (uploadSpace >= maxUpload) return uploadSpace;
  throw new EvenkeelError(
    "EK_SETTING_INVALID",
    `${uploadSpace} bytes have no room for an upload of ${maxUpload} bytes`,
    {
      where: "--upload-space",
      next: "make it several times as large as --max-upload, or auto",
    },
  );
}
