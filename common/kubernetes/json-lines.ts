/** An object of the API is at most 1.5 MiB in etcd; a line longer than this is no event. */
const MAX_LINE_BYTES = 16 * 2 ** 20;

/**
 * Splits bytes into the JSON values of their lines. Feed it chunks as they come.
 * @param onValue called with each line's value; empty lines are passed over
 * @returns takes a chunk; throws an Error at a line that is not JSON or too long, after which it is of no more use
 */
export function jsonLines(onValue: (value: unknown) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      const line = (parts.length === 0 ? rest : Buffer.concat([...parts, rest])).toString("utf8").trim();
      parts = [];
      held = 0;
      start = end + 1;
      if (line !== "") onValue(JSON.parse(line));
    }
    if (start === chunk.length) return;
    parts.push(chunk.subarray(start));
    held += chunk.length - start;
    if (held > MAX_LINE_BYTES) throw new Error(`a line is longer than ${MAX_LINE_BYTES} bytes`);
  };
}
