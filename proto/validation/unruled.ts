import type { DescMessage } from "@bufbuild/protobuf";
import { isRequired, rulesOf } from "./rule-set.ts";

/** What has been found out so far, by type. */
const known = new Map<DescMessage, boolean>();

/** True when neither the message nor anything below it can break a rule: no rules, and no Any that may hold some. */
export function isUnruled(message: DescMessage): boolean {
  const reached = new Set([message]);
  for (const one of reached) {
    const before = known.get(one);
    if (before === true) continue;
    if (before === false || hasOwnRules(one)) {
      known.set(one, false);
      known.set(message, false);
      return false;
    }
    for (const field of one.fields) if (field.message !== undefined) reached.add(field.message);
  }
  for (const one of reached) known.set(one, true);
  return true;
}

function hasOwnRules(message: DescMessage): boolean {
  return (
    message.typeName === "google.protobuf.Any" ||
    message.fields.some((field) => rulesOf(field) !== undefined) ||
    message.oneofs.some(isRequired)
  );
}
