import { expect, it } from "vitest";
import { HttpConnectionManager } from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { FrontDoor } from "../fleet/fleet.ts";
import { encodeResource } from "./encode.ts";
import { type ListenerOptions, listenerMessage, uploadTimeoutMs } from "./listener.ts";
import { TYPE_URLS } from "./resource.ts";

const DOOR: FrontDoor = {
  name: "front-door",
  address: "0.0.0.0",
  port: 8080,
  maxRequestBytes: 64 * 2 ** 20,
  routes: [{ prefix: "/", cluster: "workers", timeoutMs: 1500 }],
};

function manager(door: FrontDoor, options?: ListenerOptions): HttpConnectionManager {
  const config = listenerMessage(door, options).filterChains[0]?.filters[0]?.configType;
  const packed = config?.$case === "typedConfig" ? config.typedConfig.value : Buffer.alloc(0);
  return HttpConnectionManager.decode(packed);
}

it("binds the door's address and takes its routes by its name", () => {
  expect(listenerMessage(DOOR)).toMatchObject({
    name: "front-door",
    address: { address: { socketAddress: { address: "0.0.0.0", portSpecifier: { portValue: 8080 } } } },
  });
  expect(manager(DOOR)).toMatchObject({
    statPrefix: "front-door",
    routeSpecifier: {
      rds: { routeConfigName: "front-door", configSource: { configSourceSpecifier: { $case: "ads" } } },
    },
  });
});

it("has no filter that would hold a body back", () => {
  expect(manager(DOOR).httpFilters.map(({ name }) => name)).toEqual(["envoy.filters.http.router"]);
});

it("logs requests only when told", () => {
  expect(manager(DOOR).accessLog).toEqual([]);
  expect(manager(DOOR, { accessLog: true }).accessLog.map(({ name }) => name)).toEqual(["envoy.access_loggers.stdout"]);
});

it("gives a body time by the largest that is allowed", () => {
  expect(uploadTimeoutMs(1)).toBe(60_000);
  expect(uploadTimeoutMs(64 * 2 ** 20)).toBe(656_000);
});

it("answers in JSON by itself", () => {
  expect(manager(DOOR).localReplyConfig?.bodyFormat?.format).toEqual({
    $case: "jsonFormat",
    jsonFormat: { detail: "%LOCAL_REPLY_BODY%" },
  });
});

it.each([{}, { accessLog: true }])("passes Envoy's rules", (options) => {
  expect(encodeResource(TYPE_URLS.listener, DOOR.name, listenerMessage(DOOR, options)).name).toBe(DOOR.name);
});
