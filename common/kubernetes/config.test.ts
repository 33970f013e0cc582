import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EvenkeelError } from "../errors.ts";
import { type KubeAccess, loadKubeConfig } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "ek-kubeconfig-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const good = {
  clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443" } }],
  users: [{ name: "u", user: { token: "t" } }],
  contexts: [
    { name: "one", context: { cluster: "c", user: "u" } },
    { name: "two", context: { cluster: "c", user: "u", namespace: "shop" } },
    { name: "broken", context: { cluster: "none", user: "u" } },
  ],
  "current-context": "one",
};

function fault(access: KubeAccess): EvenkeelError {
  try {
    loadKubeConfig(access, {});
  } catch (error) {
    if (error instanceof EvenkeelError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("takes the current context, or the one that is named", () => {
  const kubeconfig = file("good", good);
  expect(loadKubeConfig({ kubeconfig, context: "" }).currentContext).toBe("one");
  expect(loadKubeConfig({ kubeconfig, context: "two" }).currentContext).toBe("two");
});

test.each<[string, () => KubeAccess, RegExp, RegExp]>([
  ["no file", () => ({ kubeconfig: join(folder, "none"), context: "" }), /ENOENT/, /--kubeconfig/],
  ["no YAML", () => ({ kubeconfig: file("bad", "{{"), context: "" }), /cannot be read/, /--kubeconfig/],
  ["an unknown context", () => ({ kubeconfig: file("good", good), context: "three" }), /no context three/, /one, two/],
  ["a context of no cluster", () => ({ kubeconfig: file("good", good), context: "broken" }), /"broken" leads/, /./],
])("%s is told", (_name, access, message, next) => {
  const error = fault(access());
  expect(error.code).toBe("EK_KUBE_CONFIG");
  expect(error.message).toMatch(message);
  expect(error.next).toMatch(next);
});
