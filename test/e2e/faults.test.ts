import { afterEach, describe, expect, test } from "vitest";
import { envoyHosts } from "../../cli/demo/observe.ts";
import { UPLOAD_SCRIPT } from "../../cli/demo/scenario.ts";
import { type Stack, type StackOptions, type StackWorker, startStack } from "../../cli/demo/stack.ts";
import { UploadStream, upload } from "../../cli/demo/uploads.ts";
import { multipart } from "../../cli/load/multipart.ts";
import { type Burner, startBurner } from "../bench/burner.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const program of running.splice(0).reverse()) await program.stop();
});

async function stackOf(options: StackOptions): Promise<Stack> {
  const stack = await startStack(options);
  running.push(stack);
  return stack;
}

/** A script that sleeps, as an upload. */
function sleeper(seconds: number) {
  const boundary = "b";
  const text = `import time\ntime.sleep(${seconds})\nprint("slept")\n`;
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="s.py"\r\n\r\n${text}\r\n--${boundary}--\r\n`,
    ),
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(what: string, holds: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(100)) if (await holds()) return;
  throw new Error(`not in ${timeoutMs} ms: ${what}`);
}

/** A host's weight by the mean of the others'. */
async function relativeWeight(stack: Stack, key: string): Promise<number> {
  const hosts = await envoyHosts(stack);
  const others = [...hosts].filter(([other]) => other !== key).map(([, { weight }]) => weight);
  return (hosts.get(key)?.weight ?? Number.NaN) / (others.reduce((sum, weight) => sum + weight, 0) / others.length);
}

describe("control plane killed under load", () => {
  test.each(["DELTA_GRPC", "GRPC"] as const)(
    "no upload fails, and weights resume without a jump (%s)",
    async (protocol) => {
      const burners: Burner[] = [];
      for (let index = 0; index < 3; index += 1) {
        const burner = await startBurner(`burner-${index}`);
        burners.push(burner);
        running.push(burner);
      }
      const stack = await stackOf({ workers: 3, protocol, agentPid: (index) => (burners[index] as Burner).pid });
      const busy = stack.workers[0] as StackWorker;
      (burners[0] as Burner).busy();
      await eventually("the busy worker loses weight", async () => (await relativeWeight(stack, busy.key)) < 0.5);

      const stream = new UploadStream(stack.url, await multipart(UPLOAD_SCRIPT, "reencrypt.py"));
      stream.start(3);
      await sleep(2000);
      stack.controlPlane.signal("SIGKILL");
      await stack.controlPlane.exited;
      const seen: number[] = [];
      const watch = async (ms: number) => {
        for (const end = Date.now() + ms; Date.now() < end; await sleep(50))
          seen.push(await relativeWeight(stack, busy.key));
      };
      await watch(3000);
      const restarted = stack.restartControlPlane();
      await watch(3000);
      await restarted;
      // Envoy comes back within 2 s; what it is told first must not be equal weights.
      await watch(6000);
      await stream.stop();

      expect(stream.results.length).toBeGreaterThan(20);
      expect(stream.results.filter(({ ok }) => !ok)).toEqual([]);
      expect(Math.max(...seen)).toBeLessThan(0.75);
      // The new control plane is really heard: what becomes idle gets its weight back.
      (burners[0] as Burner).idle();
      await eventually("the weight returns", async () => (await relativeWeight(stack, busy.key)) > 0.9);
    },
    240_000,
  );
});

describe("a worker goes away under load", () => {
  test("killed: only the uploads that ran on it fail, as clear errors", async () => {
    const stack = await stackOf({ workers: 3, workerArgs: ["--concurrency", "4"] });
    const victim = stack.workers[0] as StackWorker;
    const script = sleeper(4);
    const early = Array.from({ length: 9 }, () => upload(stack.url, script));
    await eventually(
      "each worker runs uploads",
      async () => [...(await envoyHosts(stack)).values()].filter(({ inFlight }) => inFlight > 0).length === 3,
      3000,
    );
    const onVictim = (await envoyHosts(stack)).get(victim.key)?.inFlight ?? 0;
    victim.worker.signal("SIGKILL");
    await victim.worker.exited;
    const late = await Promise.all(Array.from({ length: 12 }, () => upload(stack.url, sleeper(0.1))));
    const results = await Promise.all(early);

    const failed = results.filter(({ ok }) => !ok);
    expect(onVictim).toBeGreaterThan(0);
    expect(failed).toHaveLength(onVictim);
    for (const { status, body } of failed) {
      expect([502, 503]).toContain(status);
      expect(JSON.parse(body)).toEqual({ detail: expect.stringMatching(/\w{3}/) });
    }
    expect(late.filter(({ ok }) => !ok)).toEqual([]);
  }, 180_000);

  test("drained: no upload is lost, and it takes no new one", async () => {
    // Room for all of them on the one that stays: the first requests over cold connections may all but one go to it.
    const stack = await stackOf({ workers: 2, workerArgs: ["--concurrency", "12"] });
    const leaving = stack.workers[0] as StackWorker;
    const early = Array.from({ length: 6 }, () => upload(stack.url, sleeper(3)));
    await eventually(
      "both workers run uploads",
      async () => [...(await envoyHosts(stack)).values()].every(({ inFlight }) => inFlight > 0),
      3000,
    );
    leaving.worker.signal("SIGTERM");
    const late: ReturnType<typeof upload>[] = [];
    for (let count = 0; count < 20; count += 1) {
      late.push(upload(stack.url, sleeper(0.1)));
      await sleep(150);
    }
    const results = await Promise.all([...early, ...late]);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect((await leaving.worker.exited).code).toBe(0);
  }, 180_000);
});
