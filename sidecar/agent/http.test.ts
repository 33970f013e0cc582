import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { httpServer } from "./http.ts";
import { Measurement } from "./measurement.ts";
import { NOTHING } from "./wanted.ts";

it("tells health and metrics over HTTP, and that there is nothing to measure", async () => {
  let there = true;
  const meter = {
    look: () => (there ? NOTHING : undefined),
    capacity: () => 2,
    memory: () => 0.5,
    alive: () => there,
    close: () => undefined,
  };
  const measurement = new Measurement({
    open: () => (there ? { kind: "meter", meter } : { kind: "absent", reason: "nothing is there" }),
    cpus: undefined,
    intervalMs: 50,
    nowMs: () => performance.now(),
    onGone: () => undefined,
  });
  measurement.start();
  const server = httpServer(measurement);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const get = (path: string) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  try {
    expect((await get("/health")).status).toBe(200);
    const metrics = await (await get("/metrics")).text();
    expect(metrics).toContain("\nevenkeel_agent_cpu_utilisation_ratio 0\n");
    expect(metrics).toContain("\nevenkeel_agent_cpu_capacity_cores 2\n");
    expect((await get("/other")).status).toBe(404);
    there = false;
    expect((await get("/metrics")).status).toBe(503);
    expect((await get("/health")).status).toBe(503);
  } finally {
    measurement.stop();
    server.close();
    server.closeAllConnections();
  }
});
