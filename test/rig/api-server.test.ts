import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiServer, startApiServer } from "./api-server.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;

let server: ApiServer | undefined;
const running = (): ApiServer => {
  if (server === undefined) throw new Error("the API server did not start");
  return server;
};

beforeAll(async () => {
  server = await startApiServer({ name: "rig-test", onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
}, BUILD_MS);

afterAll(async () => {
  await server?.stop();
}, 60_000);

test("stores objects, and still has them after a crash of the API server", async () => {
  const { kubectl, killApiServer, restartApiServer } = running();
  await kubectl(["create", "configmap", "kept", "--from-literal=answer=42"]);
  await killApiServer();
  await expect(kubectl(["get", "configmap", "kept", "--request-timeout=5s"])).rejects.toThrow();
  await restartApiServer();
  expect(await kubectl(["get", "configmap", "kept", "-o", "jsonpath={.data.answer}"])).toBe("42");
}, 180_000);

test("a service account may do what its role allows and no more", async () => {
  const { kubectl, kubeconfigFor } = running();
  await kubectl(["create", "serviceaccount", "reader"]);
  await kubectl(["create", "role", "reader", "--verb=get,list", "--resource=configmaps"]);
  await kubectl(["create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader"]);
  const kubeconfig = await kubeconfigFor("default", "reader");
  // The later flag wins over the admin's.
  const asReader = (...args: string[]) => kubectl([...args, "--kubeconfig", kubeconfig]);
  expect(await asReader("auth", "can-i", "list", "configmaps")).toBe("yes\n");
  await expect(asReader("get", "secrets")).rejects.toThrow(/forbidden/);
}, 60_000);

test("two run at once, and stop leaves no file of its own", async () => {
  const other = await startApiServer();
  expect(other.url).not.toBe(running().url);
  const folder = dirname(other.kubeconfig);
  expect(existsSync(folder)).toBe(true);
  await other.stop();
  await other.stop();
  expect(existsSync(folder)).toBe(false);
}, 180_000);
