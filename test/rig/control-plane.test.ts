import { expect, test } from "vitest";
import { apiServerArguments, controllerManagerArguments, etcdArguments } from "./control-plane.ts";
import { nodeControlPlane } from "./place.ts";

const place = nodeControlPlane("/rig");

test("the API server finds etcd where etcd listens", () => {
  expect(etcdArguments(place)).toContain("--listen-client-urls=http://127.0.0.1:2379");
  expect(apiServerArguments(place)).toContain("--etcd-servers=http://127.0.0.1:2379");
});

test("rights are checked, and tokens signed by the key that the API server checks with", () => {
  expect(apiServerArguments(place)).toContain("--authorization-mode=RBAC");
  expect(controllerManagerArguments(place)).toContain(
    "--service-account-private-key-file=/rig/certificates/service-account.key",
  );
  expect(apiServerArguments(place)).toContain("--service-account-key-file=/rig/certificates/service-account.pub");
});

test("no flag is given twice", () => {
  for (const args of [apiServerArguments(place), etcdArguments(place), controllerManagerArguments(place)]) {
    const flags = args.map((word) => word.split("=")[0]);
    expect(new Set(flags).size).toBe(flags.length);
  }
});
