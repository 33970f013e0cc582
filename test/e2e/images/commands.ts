/** What the Dockerfile itself says: the command lines of its header, and the images that it begins with. */

/** A `docker build` line of the header, in words. */
export interface BuildCommand {
  readonly words: readonly string[];
  /** What it names the image. */
  readonly tag: string;
  /** `evenkeel`, the last one, when the line names none. */
  readonly target: string;
}

/**
 * The `docker build` lines in the Dockerfile's header, as they stand.
 * @throws Error when a line has no tag
 */
export function buildCommands(dockerfile: string): BuildCommand[] {
  return [...dockerfile.matchAll(/^# {3}(docker build .*)$/gm)].map((match) => {
    const words = (match[1] as string).split(" ");
    const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
    const tag = after("-t");
    if (tag === undefined) throw new Error(`no -t in the Dockerfile's line: ${match[1]}`);
    return { words, tag, target: after("--target") ?? "evenkeel" };
  });
}

/** The default of an `ARG` in front of the first `FROM`. @throws Error when there is none */
export function globalArgument(dockerfile: string, name: string): string {
  const head = dockerfile.split(/^FROM /m)[0] as string;
  const value = new RegExp(`^ARG ${name}=(\\S+)$`, "m").exec(head)?.[1];
  if (value === undefined) throw new Error(`the Dockerfile has no ARG ${name} with a default in front of FROM`);
  return value;
}
