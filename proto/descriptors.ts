import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { EvenkeelError } from "../common/errors.ts";

/** Where `proto/generate.mjs` puts the encoded `google.protobuf.FileDescriptorSet`, imports included. */
export const DESCRIPTOR_SET_PATH = fileURLToPath(new URL("generated/descriptors.binpb", import.meta.url));

let registry: FileRegistry | undefined;

/**
 * All protobuf types that Evenkeel knows, read once.
 * @throws EvenkeelError EK_GENERATE_FAILED when they have not been generated
 */
export function descriptors(): FileRegistry {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet()));
  return registry;
}

function descriptorSet(): Uint8Array {
  try {
    return readFileSync(DESCRIPTOR_SET_PATH);
  } catch (cause) {
    throw new EvenkeelError("EK_GENERATE_FAILED", `no descriptor set: ${(cause as Error).message}`, {
      where: DESCRIPTOR_SET_PATH,
      cause,
    });
  }
}
