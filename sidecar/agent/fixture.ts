import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ProcFiles } from "./proc-files.ts";

/** What a test says of a process; the rest is filled in. Times in milliseconds. */
export interface FakeProcess {
  readonly name?: string;
  readonly parent?: number;
  readonly state?: string;
  readonly startTicks?: number;
  /** Used, as /proc/PID/stat tells it in ticks: by default the sum of the threads. */
  readonly usedMs?: number;
  readonly childrenMs?: number;
  readonly children?: readonly number[];
  readonly pages?: number;
  /** By thread: ran, waited. The first is the process itself. */
  readonly threads?: Readonly<Record<number, readonly [ranMs: number, waitedMs: number]>>;
}

/** A folder for tests that stands for `/`. */
export class FakeRoot implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "evenkeel-agent-"));
  /** Plain files outlive their removal in an open descriptor, which /proc's do not: nothing is kept open. */
  readonly files = new ProcFiles(this.path, false);

  write(contents: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(contents)) {
      mkdirSync(join(this.path, dirname(path)), { recursive: true });
      writeFileSync(join(this.path, path), text);
    }
  }

  remove(path: string): void {
    rmSync(join(this.path, path), { recursive: true, force: true });
  }

  /** Writes a process anew. Without `threads` its kernel keeps no schedstat. */
  process(pid: number, process: FakeProcess): void {
    const threads = Object.entries(process.threads ?? {});
    const usedMs = process.usedMs ?? threads.reduce((sum, [, [ran]]) => sum + ran, 0);
    const ticks = Math.floor(usedMs / 10);
    const childTicks = Math.floor((process.childrenMs ?? 0) / 10);
    const { name = "worker", parent = 0, state = "S", startTicks = 100, pages = 10 } = process;
    this.remove(`proc/${pid}`);
    this.write({
      [`proc/${pid}/stat`]: `${pid} (${name}) ${state} ${parent} 1 1 0 -1 4194304 0 0 0 0 ${ticks} 0 ${childTicks} 0 20 0 ${Math.max(1, threads.length)} 0 ${startTicks} 1000 ${pages} 0 0\n`,
      [`proc/${pid}/task/${pid}/children`]: (process.children ?? []).join(" "),
    });
    for (const [tid, [ran, waited]] of threads) {
      const schedstat = `${ran * 1e6} ${waited * 1e6} ${ran + waited + 1}\n`;
      this.write({
        [`proc/${pid}/task/${tid}/schedstat`]: schedstat,
        [`proc/${pid}/task/${tid}/stat`]: `${tid} (${name}) ${state} ${parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 ${startTicks} 0 0 0 0\n`,
      });
      if (Number(tid) === pid) this.write({ [`proc/${pid}/schedstat`]: schedstat });
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
