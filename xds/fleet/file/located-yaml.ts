import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";

/** Aliases that a document may use; a "billion laughs" file needs more. */
const MAX_ALIASES = 100;

/**
 * A text that is longer is read in a thread of its own when others wait for this one. Measured: 2 to 3 ms of CPU for each
 * KiB; what comes back from the thread costs a thirtieth of it.
 */
export const READ_HERE_LENGTH = 16 * 2 ** 10;

/** Something wrong in a file, and where; lines and columns count from 1. */
export interface Fault {
  readonly line: number;
  readonly column: number;
  /** What is wrong, for a person. */
  readonly what: string;
}

/** The way from the document's root to a value. */
export type Path = readonly (string | number)[];

export interface LocatedYaml {
  readonly content: unknown;
  /** Where the value stands; where it is missing, the nearest thing that should hold it. */
  at(path: Path): { line: number; column: number };
  /** Where the key itself stands. */
  atKey(path: Path): { line: number; column: number };
}

/** Reads one YAML document so that each of its values can be pointed at. */
export function parseLocated(text: string): LocatedYaml | { readonly faults: readonly Fault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0)
    return { faults: problems.map((problem) => ({ ...position(problem.pos[0]), what: problem.message })) };
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return { faults: [{ line: 1, column: 1, what: (error as Error).message }] };
  }
  return {
    content,
    at: (path) => position(offsetOf(document, path)),
    atKey: (path) => position(keyOffset(document, path) ?? offsetOf(document, path)),
  };
}

function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function keyOffset(document: Document, path: Path): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)));
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}
