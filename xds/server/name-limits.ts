/** In characters. Names of real fleets have less than 500, and each that a client asks for is kept while it is connected. */
const MAX_NAME_LENGTH = 1024;

/**
 * Why a client may not ask for this; undefined: it may.
 * @param count how many names of the type it asks for, with those that it asked for before
 * @param texts what is kept of its request: names, and the versions that it has of them
 */
export function faultOfNames(
  typeUrl: string,
  count: number,
  texts: readonly string[],
  maxNames: number,
): string | undefined {
  const long = [typeUrl, ...texts].find(({ length }) => length > MAX_NAME_LENGTH);
  if (long !== undefined) return `a name of ${long.length} characters; at most ${MAX_NAME_LENGTH} are served`;
  return count > maxNames ? `${count} names of ${typeUrl} at once; at most ${maxNames} are served` : undefined;
}
