import { describe, expect, it } from "vitest";
import { TYPE_URLS, type TypeUrl } from "../../xds/resources/resource.ts";
import { ResourceStore } from "../../xds/resources/store.ts";
import type { ClientStatus, TypeStatus } from "../../xds/server/client-status.ts";
import type { ProxyConfig } from "./config.ts";
import { encodeProxy, publish } from "./publish.ts";
import { proxyResources } from "./resources.ts";

const FOR_EVER = new AbortController().signal;

function encoded(...names: readonly string[]) {
  const config: ProxyConfig = {
    listen: { address: "127.0.0.1", port: 8080 },
    services: names.map((name) => ({
      name,
      domain: name,
      hosts: [{ scheme: "http", address: "10.0.0.1", port: 80 }],
      rewriteHost: false,
    })),
  };
  return encodeProxy(proxyResources(config, { caFile: "/ca.pem" }));
}

/** An Envoy that takes all that the store holds at once, or refuses one type. */
function envoyOf(store: ResourceStore, refuses?: TypeUrl) {
  const steps: string[] = [];
  store.subscribe((changed) => {
    for (const [typeUrl, names] of changed)
      for (const name of names) {
        const kind = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
        steps.push(`${store.get(typeUrl, name) === undefined ? "-" : "+"} ${kind} ${name}`);
      }
  });
  const statusOf = (typeUrl: TypeUrl): Partial<TypeStatus> => {
    const version = store.version(typeUrl);
    const sent = { typeUrl, sentVersion: version };
    return typeUrl === refuses
      ? { ...sent, state: "error", nack: { nonce: "1", version, names: [], message: "not so", atMs: 0 } }
      : { ...sent, state: "synced", ackedVersion: version };
  };
  return {
    steps,
    server: { clients: () => [{ types: Object.values(TYPE_URLS).map(statusOf) } as unknown as ClientStatus] },
  };
}

describe("a route never leads nowhere", () => {
  it("clusters come before the routes to them, and go after", async () => {
    const store = new ResourceStore();
    const { server, steps } = envoyOf(store);
    await publish(server, store, await encoded("a", "b"), FOR_EVER);
    steps.length = 0;
    await publish(server, store, await encoded("b", "c"), FOR_EVER);
    expect(steps).toEqual(["+ Cluster service.c", "+ RouteConfiguration reverse-proxy", "- Cluster service.a"]);
  });
});

describe("a refusal", () => {
  it("puts back what was there, and says what Envoy said", async () => {
    const store = new ResourceStore();
    const before = await encoded("a");
    await publish(envoyOf(store).server, store, before, FOR_EVER);
    const { server } = envoyOf(store, TYPE_URLS.route);
    await expect(publish(server, store, await encoded("b"), FOR_EVER)).rejects.toMatchObject({
      code: "EK_ENVOY_REFUSED",
      message: "not so",
    });
    const after = Object.values(TYPE_URLS).flatMap((typeUrl) => [...store.all(typeUrl).values()]);
    expect(after).toEqual(before);
  });
});

it("waits for no Envoy that has ended", async () => {
  const ended = AbortSignal.abort(new Error("it ended"));
  await expect(publish({ clients: () => [] }, new ResourceStore(), await encoded("a"), ended)).rejects.toThrow(
    "it ended",
  );
});
