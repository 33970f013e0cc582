import { BinaryReader } from "@bufbuild/protobuf/wire";
import { EvenkeelError } from "../common/errors.ts";
import { descriptors } from "./descriptors.ts";
import { check, type Fault } from "./validation/plan.ts";
import { planOf } from "./validation/plan-builder.ts";

/**
 * Checks an encoded message against the rules that its .proto files state (`validate.rules`, as Envoy itself checks
 * them), looking into each Any whose type is known here. It reads the bytes once and makes no message of them.
 * @param type a message type or its URL: `envoy.config.cluster.v3.Cluster`, `type.googleapis.com/…`
 * @returns each broken rule as `field.path[2].name: what is wrong`; none when all is well
 * @throws EvenkeelError EK_GENERATE_FAILED when the type is not generated, EK_RULE_UNKNOWN when a rule of it cannot be
 *   checked. Rules are compiled when a type is first met.
 */
export function violations(type: string, bytes: Uint8Array): string[] {
  const name = type.slice(type.lastIndexOf("/") + 1);
  const message = descriptors().getMessage(name);
  if (message === undefined)
    throw new EvenkeelError("EK_GENERATE_FAILED", `message type ${name} is not among the generated ones`, {
      next: "add its file to ROOTS in proto/generate.mjs and run `npm run proto`",
    });
  const plan = planOf(message);
  const faults: Fault[] = [];
  try {
    check(plan, new BinaryReader(bytes), bytes.length, faults);
  } catch (error) {
    if (error instanceof EvenkeelError) throw error;
    return [`${name}: is not a well-formed message: ${(error as Error).message}`];
  }
  return faults.map(({ path, wrong }) => `${path}: ${wrong}`);
}
