import { COLUMNS, type Row } from "./row.ts";

/** The first line. */
export const HEADER = `${COLUMNS.join(",")}\n`;

/** Spreadsheets take a cell that begins so for a formula (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;
/** A cell that began so before {@link csvLine} put an apostrophe before it. */
const DISARMED = /^'(?=[=+\-@'])/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g;

/**
 * One row as one line. Line breaks and other control characters become a space, so that a line is always a whole row. A
 * cell that a spreadsheet would take for a formula gets an apostrophe before it, as does one that begins with one.
 */
export function csvLine(row: Row): string {
  return `${COLUMNS.map((column) => cell(row[column])).join(",")}\n`;
}

/** The row of one line without its end; undefined when it is not one of ours. */
export function parseLine(line: string): Row | undefined {
  const cells = [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) =>
    (quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"')).replace(DISARMED, ""),
  );
  if (cells.length !== COLUMNS.length) return undefined;
  return Object.fromEntries(COLUMNS.map((column, index) => [column, cells[index]])) as Row;
}

function cell(text: string): string {
  const line = text.replace(CONTROL, " ").trim();
  const safe = FORMULA.test(line) || line.startsWith("'") ? `'${line}` : line;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
