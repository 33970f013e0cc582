import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ClusterStats } from "../../proto/generated/envoy/config/endpoint/v3/load_report.ts";

/** A LoadStatsRequest as it came from the wire. */
export interface LoadRequest {
  /** Undefined: it names no node. */
  readonly nodeId: string | undefined;
  readonly clusterStats: readonly ClusterStats[];
}

// Of envoy/service/load_stats/v3/lrs.proto and envoy/config/core/v3/base.proto.
const NODE = 1;
const CLUSTER_STATS = 2;
const NODE_ID = 1;

/**
 * Decodes a request, of its node only the id: Envoy puts its whole node with all its extensions (60 KB) into each report.
 * Measured: 0.5 ms of CPU to decode those, and a hundredth of it to pass them over.
 * @throws Error when the bytes are no such message
 */
export function decodeLoadRequest(bytes: Uint8Array): LoadRequest {
  const reader = new BinaryReader(bytes);
  const clusterStats: ClusterStats[] = [];
  let nodeId: string | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === NODE && wireType === WireType.LengthDelimited) nodeId = decodeNodeId(reader.bytes());
    else if (field === CLUSTER_STATS && wireType === WireType.LengthDelimited)
      clusterStats.push(ClusterStats.decode(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return { nodeId, clusterStats };
}

/** The id comes first, so that what follows is not looked at; empty when there is none. */
function decodeNodeId(node: Uint8Array): string {
  const reader = new BinaryReader(node);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === NODE_ID && wireType === WireType.LengthDelimited) return reader.string();
    reader.skip(wireType, field);
  }
  return "";
}
