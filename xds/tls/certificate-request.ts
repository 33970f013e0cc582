import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { bitString, objectIdentifier, octetString, sequence, set, smallInteger, tagged } from "./der.ts";

const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
/** Of a general name: a URI. */
const URI = 6;

/**
 * A certificate request for a workload of a mesh: without a subject, its SPIFFE id as the alternative name.
 * @param key a private key on P-256
 * @returns PEM
 * @see RFC 2986 (PKCS #10), RFC 5280 4.2.1.6
 */
export function certificateRequest(key: KeyObject, spiffeId: string): string {
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const subject = sequence();
  const info = sequence(smallInteger(0), subject, publicKey, tagged(0, extensionRequest(spiffeId), "constructed"));
  const signature = sign("sha256", info, key);
  const request = sequence(info, sequence(objectIdentifier(ECDSA_WITH_SHA256)), bitString(signature));
  const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}

function extensionRequest(spiffeId: string): Buffer {
  const names = sequence(tagged(URI, Buffer.from(spiffeId, "ascii"), "primitive"));
  const extension = sequence(objectIdentifier(SUBJECT_ALTERNATIVE_NAME), octetString(names));
  return sequence(objectIdentifier(EXTENSION_REQUEST), set(sequence(extension)));
}
