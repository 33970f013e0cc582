/** One line that a terminal can bear: control characters of others would be commands to it. */
export function plainLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** The same without runs of spaces, and not longer than this. */
export function shortLine(text: string, length: number): string {
  const line = plainLine(text).replace(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
