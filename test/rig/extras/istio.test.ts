import { expect, test } from "vitest";
import { installedObjects } from "./istio.ts";

test("takes over all but what runs or scales istiod in pods", () => {
  const generated = ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Service", "MutatingWebhookConfiguration"]
    .map((kind) => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: x}\n`)
    .join("---\n");
  const kinds = installedObjects(`---\n${generated}---\n`).map((object) => object.kind);
  expect(kinds).toEqual(["ConfigMap", "MutatingWebhookConfiguration"]);
});
