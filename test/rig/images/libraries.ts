import { run } from "../run.ts";
import { file, type LayerEntry } from "./layer.ts";

/** The shared libraries and the loader that programs need, where they expect them. A static program needs none. */
export async function librariesOf(programs: readonly string[]): Promise<LayerEntry[]> {
  const found = new Set<string>();
  for (const program of programs) {
    // ldd ends with an error for a static program, and says so on standard error.
    const listing = await run("ldd", [program]).catch(() => "");
    for (const path of parseLdd(listing)) found.add(path);
  }
  return [...found].sort().map((path) => file(path));
}

/** The absolute paths in what ldd prints. */
export function parseLdd(listing: string): string[] {
  return [...listing.matchAll(/(?:^\s*|=> )(\/\S+) \(0x/gm)].map((match) => match[1] as string);
}
