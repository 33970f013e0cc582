/**
 * The few protobuf fields that a discovery response needs, written by hand around resources that are encoded already.
 * Field numbers: envoy/service/discovery/v3/discovery.proto.
 */
import type { EncodedResource } from "../resources/resource.ts";

/** A response that is ready but for its nonce: the body is shared by all who get the same, the nonce is each stream's. */
export interface Frame {
  readonly body: Buffer;
  readonly nonce: string;
}

/** `nonce` has the same number in DiscoveryResponse and in DeltaDiscoveryResponse. */
const NONCE = 5;
const SOTW = { versionInfo: 1, resources: 2, typeUrl: 4 } as const;
const DELTA = { systemVersionInfo: 1, resources: 2, typeUrl: 4, removedResources: 6 } as const;
const RESOURCE = { version: 1, resource: 2, name: 3 } as const;

const EMPTY = Buffer.alloc(0);
/** Each resource's bytes as a field of a response, for as long as the store or a response in flight holds it. */
const sotwChunks = new WeakMap<EncodedResource, Buffer>();
const deltaChunks = new WeakMap<EncodedResource, Buffer>();

/** A DiscoveryResponse without its nonce. */
export function sotwBody(typeUrl: string, version: string, resources: Iterable<EncodedResource>): Buffer {
  const parts = [textField(SOTW.versionInfo, version), textField(SOTW.typeUrl, typeUrl)];
  for (const resource of resources)
    parts.push(cached(sotwChunks, resource, () => bytesField(SOTW.resources, resource.any)));
  return Buffer.concat(parts);
}

/** A DeltaDiscoveryResponse without its nonce. */
export function deltaBody(
  typeUrl: string,
  version: string,
  resources: Iterable<EncodedResource>,
  removed: Iterable<string>,
): Buffer {
  const parts = [textField(DELTA.systemVersionInfo, version), textField(DELTA.typeUrl, typeUrl)];
  for (const resource of resources) parts.push(cached(deltaChunks, resource, () => deltaChunk(resource)));
  for (const name of removed) parts.push(textField(DELTA.removedResources, name));
  return Buffer.concat(parts);
}

/** The serialiser of discovery responses: protobuf fields may come in any order, so the nonce comes last. */
export function encodeFrame({ body, nonce }: Frame): Buffer {
  const tail = textField(NONCE, nonce);
  const bytes = Buffer.allocUnsafe(body.length + tail.length);
  body.copy(bytes);
  tail.copy(bytes, body.length);
  return bytes;
}

function deltaChunk(resource: EncodedResource): Buffer {
  return bytesField(
    DELTA.resources,
    Buffer.concat([
      textField(RESOURCE.version, resource.version),
      bytesField(RESOURCE.resource, resource.any),
      textField(RESOURCE.name, resource.name),
    ]),
  );
}

function cached(chunks: WeakMap<EncodedResource, Buffer>, resource: EncodedResource, encode: () => Buffer): Buffer {
  const known = chunks.get(resource);
  if (known !== undefined) return known;
  const chunk = encode();
  chunks.set(resource, chunk);
  return chunk;
}

/** A string field; an empty string is the default and takes no bytes. */
function textField(number: number, text: string): Buffer {
  return text === "" ? EMPTY : bytesField(number, Buffer.from(text, "utf8"));
}

function bytesField(number: number, bytes: Uint8Array): Buffer {
  const head = varint(bytes.length);
  // Wire type 2, length-delimited. All our field numbers are below 16: the tag is one byte.
  return Buffer.concat([Buffer.of((number << 3) | 2, ...head), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}
