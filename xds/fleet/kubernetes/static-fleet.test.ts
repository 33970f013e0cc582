import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test, vi } from "vitest";
import { ManualWatched } from "./manual-watched.ts";
import type { DestinationRule, EndpointSlice, Node, Pod, Service } from "./objects.ts";
import { staticKubernetesFleet } from "./static-fleet.ts";

const folder = mkdtempSync(join(tmpdir(), "ek-static-fleet-"));
afterAll(() => rmSync(folder, { recursive: true }));
const LONG = { timeout: 20_000 };

const text = (service: string) => `
clusters:
  - { name: workers, connectTimeout: 250ms, kubernetes: { namespace: shop, service: ${service}, port: 80 } }
  - { name: fixed, endpoints: [{ address: 10.9.9.9, port: 1 }] }
listeners:
  - { name: door, port: 8080, routes: [{ prefix: /, cluster: workers }] }
`;

test("a file's clusters take their endpoints from Services; the rest is the file's", async () => {
  const path = join(folder, "fleet.yaml");
  writeFileSync(path, text("web"));
  const watches = {
    services: new ManualWatched<Service>(),
    slices: new ManualWatched<EndpointSlice>(),
    pods: new ManualWatched<Pod>(),
    nodes: new ManualWatched<Node>(),
    destinationRules: new ManualWatched<DestinationRule>(),
    close: async () => undefined,
  };
  for (const [name, address] of [
    ["web", "10.0.0.1"],
    ["api", "10.0.0.2"],
  ] as const) {
    watches.services.put({ metadata: { name, namespace: "shop" }, spec: { ports: [{ port: 80 }] } });
    watches.slices.put({
      metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: [address] }],
    });
  }
  const source = staticKubernetesFleet(path, { watches, log: pino({ level: "silent" }), pollMs: 50 });
  const workers = () => source.current()?.clusters.get("workers");
  expect(source.current()).toBeUndefined();
  for (const watched of [watches.services, watches.slices, watches.pods, watches.nodes, watches.destinationRules])
    watched.set({ synced: true });
  await vi.waitFor(() => expect(workers()?.endpoints.map(({ key }) => key)).toEqual(["10.0.0.1:8080"]), LONG);
  expect(workers()?.connectTimeoutMs).toBe(250);
  expect(source.current()?.clusters.get("fixed")?.endpoints).toHaveLength(1);
  expect([...(source.current()?.listeners.keys() ?? [])]).toEqual(["door"]);
  const fixed = source.current()?.clusters.get("fixed");
  writeFileSync(path, text("api"));
  await vi.waitFor(() => expect(workers()?.endpoints.map(({ key }) => key)).toEqual(["10.0.0.2:8080"]), LONG);
  expect(source.current()?.clusters.get("fixed")).toBe(fixed);
  writeFileSync(path, "clusters: 7");
  await vi.waitFor(() => expect(source.fault()).toMatch(/EK_FLEET_INVALID/), LONG);
  expect(workers()?.endpoints).toHaveLength(1);
  await source.close();
  expect(watches.slices.subscribers).toBe(0);
});
