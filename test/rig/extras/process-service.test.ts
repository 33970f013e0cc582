import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { manifest, processService } from "./process-service.ts";

test("a Service without a selector points to the node by the process's port", () => {
  const ports = [{ name: "https", port: 443, targetPort: 4443 }];
  const objects = processService({ namespace: "n", name: "s", ports });
  expect(objects[0]).toMatchObject({ kind: "Service", spec: { ports: [{ port: 443, targetPort: 4443 }] } });
  expect(objects[0]).not.toHaveProperty("spec.selector");
  expect(objects[1]).toMatchObject({
    kind: "EndpointSlice",
    metadata: { labels: { "kubernetes.io/service-name": "s" } },
    ports: [{ name: "https", port: 4443 }],
    endpoints: [{ addresses: ["10.99.0.1"] }],
  });
});

test("a manifest is one document for each object", () => {
  const documents = parseAllDocuments(manifest([{ a: 1 }, { b: "x: y" }]));
  expect(documents.map((document) => document.toJS())).toEqual([{ a: 1 }, { b: "x: y" }]);
});
