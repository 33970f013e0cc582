import { expect, test } from "vitest";
import { parseIstioClusterName, parseServices } from "./service-reference.ts";

test.each([
  ["outbound|8080||web.shop.svc.cluster.local", { namespace: "shop", service: "web", port: 8080, subset: "" }],
  ["outbound|80|v2|web.shop.svc.cluster.local", { namespace: "shop", service: "web", port: 80, subset: "v2" }],
  ["outbound_.80_.v2_.web.shop.svc.cluster.local", { namespace: "shop", service: "web", port: 80, subset: "v2" }],
  ["outbound_.80_._.web.shop.svc.corp.example", { namespace: "shop", service: "web", port: 80, subset: "" }],
])("%s is read", (name, reference) => {
  expect(parseIstioClusterName(name)).toEqual(reference);
});

test.each([
  "",
  "web",
  "BlackHoleCluster",
  "inbound|80||",
  "outbound|80||example.com",
  "outbound|80||web.shop",
  "outbound|0||web.shop.svc.cluster.local",
  "outbound|65536||web.shop.svc.cluster.local",
  "outbound|x||web.shop.svc.cluster.local",
  "outbound|80||a.b.c.svc.cluster.local",
  "outbound|80||*.shop.svc.cluster.local",
  "outbound|80|web.shop.svc.cluster.local",
  "outbound|80|||web.shop.svc.cluster.local",
])("%s is no Service's", (name) => {
  expect(parseIstioClusterName(name)).toBeUndefined();
});

test("services of the setting are clusters of their own name", () => {
  expect([...parseServices("default/proxy-workers:8080, shop/web:80")]).toEqual([
    ["proxy-workers", { namespace: "default", service: "proxy-workers", port: 8080, subset: "" }],
    ["web", { namespace: "shop", service: "web", port: 80, subset: "" }],
  ]);
  expect(parseServices("").size).toBe(0);
});

test.each(["web:80", "shop/web", "shop/web:0", "shop/Web:80", "a/web:1,b/web:1"])(
  "the setting %s is refused",
  (text) => {
    expect(() => parseServices(text)).toThrow(/is not NAMESPACE|names two/);
  },
);
