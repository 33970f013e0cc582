import { readFileSync } from "node:fs";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

const DESCRIPTORS = new URL("../../proto/generated/descriptors.binpb", import.meta.url);

/** `FileDescriptorSet.file`, a repeated message. */
const FILE = 1;

/**
 * gRPC server reflection, so that grpcurl and its like need no .proto files.
 * @param services full names of the services that are listed
 */
export function addReflectionService(server: Server, services: readonly string[]): void {
  const fileDescriptorProtos = filesOf(readFileSync(DESCRIPTORS));
  // The service reads only the descriptors of a definition; an enum's is the one that needs no codec.
  const definition = { format: "Protocol Buffer 3 EnumDescriptorProto" as const, type: {}, fileDescriptorProtos };
  new ReflectionService({ descriptors: definition }, { services: [...services] }).addToServer(server);
}

/** The encoded files of an encoded FileDescriptorSet. */
function filesOf(set: Uint8Array): Buffer[] {
  const reader = new BinaryReader(set);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === FILE) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return files;
}
