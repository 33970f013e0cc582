import { plainLine } from "../../common/plain-line.ts";
import type { Examination } from "./check.ts";
import type { Finding } from "./finding.ts";

/** The examination for a person. */
export function textReport(server: string, { checks, findings, unseen }: Examination): string {
  const blocks = findings.map((finding, index) => findingText(finding, index + 1));
  for (const [reason, names] of Map.groupBy(unseen, ({ why }) => why))
    blocks.push(
      `Not looked at: ${names.map(({ check }) => check).join(", ")}\n${row("seen", reason)}\n${row("next", names[0]?.next ?? "")}`,
    );
  const seen = checks.length - new Set(unseen.map(({ check }) => check)).size;
  const found =
    findings.length === 0 ? "nothing wrong" : `${findings.length} ${findings.length === 1 ? "fault" : "faults"}`;
  blocks.push(`${seen} of ${checks.length} checks of ${server}: ${found}`);
  return `${blocks.join("\n\n")}\n`;
}

/** The same for a program. */
export function jsonReport(server: string, { checks, findings, unseen }: Examination): string {
  const shown = findings.map(({ check, what, where, seen, mend }) => ({ check, what, where, seen, mend }));
  return `${JSON.stringify({ server, checks, findings: shown, unseen }, undefined, 2)}\n`;
}

function findingText({ check, what, where, seen, mend }: Finding, number: number): string {
  return [`${number}. ${plainLine(what)}  [${check}]`, row("where", where), row("seen", seen), row("mend", mend)].join(
    "\n",
  );
}

function row(name: string, text: string): string {
  const [first = "", ...rest] = text.split("\n").map(plainLine);
  return [`   ${name.padEnd(7)}${first}`, ...rest.map((line) => (line === "" ? "" : `          ${line}`))].join("\n");
}
