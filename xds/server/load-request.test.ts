import { expect, test } from "vitest";
import { LoadStatsRequest } from "../../proto/generated/envoy/service/load_stats/v3/lrs.ts";
import { decodeLoadRequest } from "./load-request.ts";

const extensions = Array.from({ length: 500 }, (_, n) => ({ name: `extension-${n}`, category: "envoy.filters.http" }));
const clusterStats = ["a", "b"].map((clusterName) => ({
  clusterName,
  loadReportInterval: { seconds: 1n, nanos: 5 },
  upstreamLocalityStats: [{ locality: { zone: "z" }, totalIssuedRequests: 7n }],
}));

test("of a request come the node's id and the stats, as the generated decoder has them", () => {
  const node = { id: "envoy-1", cluster: "c", metadata: { id: "another" }, extensions };
  const bytes = LoadStatsRequest.encode(LoadStatsRequest.fromPartial({ node, clusterStats })).finish();
  expect(decodeLoadRequest(bytes)).toEqual({
    nodeId: "envoy-1",
    clusterStats: LoadStatsRequest.decode(bytes).clusterStats,
  });
});

test("no node, and a node without an id, are told apart", () => {
  const decoded = (request: object) =>
    decodeLoadRequest(LoadStatsRequest.encode(LoadStatsRequest.fromPartial(request)).finish());
  expect(decoded({}).nodeId).toBeUndefined();
  expect(decoded({ node: { cluster: "c" } }).nodeId).toBe("");
});

test("every beginning of a message that ends within a field is refused, as is what is none", () => {
  const whole = LoadStatsRequest.encode(LoadStatsRequest.fromPartial({ node: { id: "e" }, clusterStats })).finish();
  const takes = (decode: (bytes: Uint8Array) => unknown) =>
    Array.from(whole, (_, length) => {
      try {
        decode(whole.subarray(0, length));
        return true;
      } catch {
        return false;
      }
    });
  expect(takes(decodeLoadRequest)).toEqual(takes((bytes) => LoadStatsRequest.decode(bytes)));
  expect(takes(decodeLoadRequest).filter((isTaken) => isTaken).length).toBeLessThan(4);
  expect(() => decodeLoadRequest(Buffer.from("no protobuf"))).toThrow();
  // The node says that it is longer than the message.
  expect(() => decodeLoadRequest(Buffer.from([0x0a, 0x7f, 0x0a]))).toThrow();
});
