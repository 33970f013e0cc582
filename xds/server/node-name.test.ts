import { expect, test } from "vitest";
import { nodeName } from "./node-name.ts";

test.each([
  ["router~10.1.0.7~gateway-abc.shop~shop.svc.cluster.local", "gateway-abc.shop"],
  ["sidecar~::1~app-1.default~default.svc.cluster.local", "app-1.default"],
  ["front-1", "front-1"],
  ["a~b", "a~b"],
  ["a~b~~d", "a~b~~d"],
  ["a~b~c~d~e", "a~b~c~d~e"],
])("%s is %s", (id, name) => {
  expect(nodeName(id)).toBe(name);
});
