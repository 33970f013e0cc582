import { plainLine, shortLine } from "../../common/plain-line.ts";

/** Pieces of commands that mend things. */

/** `kubectl patch` of an object by a merge patch. @param ref e.g. `deployment/web -n shop` */
export function patchCommand(ref: string, patch: object, type: "strategic" | "merge" = "strategic"): string {
  return `kubectl patch ${ref} --type ${type} -p ${quoted(JSON.stringify(patch))}`;
}

/**
 * A value of the cluster as one word of a command. For all that Kubernetes does not hold to the letters of a DNS name: who may
 * make a pod must not write commands for who mends it.
 */
export function quoted(value: string): string {
  const text = plainLine(value);
  return /^[\w./][\w./:@%+=,-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `kubectl apply` of a manifest from the command line. */
export function applyCommand(manifest: object): string {
  return `kubectl apply -f - <<'EOF'\n${JSON.stringify(manifest, undefined, 2)}\nEOF`;
}

/** One line out of many words, not longer than a terminal shows at a glance. */
export function shortened(text: string, length = 400): string {
  return shortLine(text, length);
}

/** `a, b, c and 4 more`. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`;
}
