import type { Pod } from "./objects.ts";
import { doubled } from "./quantity.ts";

/**
 * Gives a container that was killed for want of memory twice what it may have.
 * @param ref e.g. `deployment/web -n shop`
 */
export function moreMemory(ref: string, { spec }: Pod, name: string): string {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const limit = containers.find((container) => container.name === name)?.resources?.limits?.memory;
  const twice = doubled(limit);
  const command = `kubectl set resources ${ref} -c ${name}`;
  // Any limit would be less than what it has.
  if (twice === undefined)
    return `${command} --requests=memory=AMOUNT    # it has no limit of its own: its node had no more. Ask for what it needs, or add a node`;
  return `${command} --limits=memory=${twice}    # its limit of ${limit} was too small`;
}
