import type { TemplateSettings } from "./settings.ts";

/** What goes with an analyser's pod where there is no volume that outlives it; undefined: nothing does. */
export function outputNote({
  outputClaim,
  database,
}: Pick<TemplateSettings, "outputClaim" | "database">): string | undefined {
  if (outputClaim !== "") return undefined;
  const rows = database ? ", and rows that the database has not taken by then" : "";
  return `note: without --output-claim an analyser's images and CSV go with its pod${rows}`;
}
