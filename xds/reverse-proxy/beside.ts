import { EvenkeelError } from "../../common/errors.ts";
import { Listeners } from "../../common/listeners.ts";
import type { Logger } from "../../common/log.ts";
import type { Fleet, FleetSource } from "../fleet/fleet.ts";
import { clashes } from "./clashes.ts";
import { openProxyFile, type ProxyFile, type ProxySource, type ProxySourceOptions } from "./source.ts";

/**
 * Serves a reverse proxy beside a fleet, to the same Envoys. Neither ever takes what the other has: an edit of either file
 * that would is refused as a bad one, until one of them changes again.
 * @param path the reverse proxy's configuration file
 * @returns the fleet to be served, which also closes the one that was given, and the proxy
 * @throws EvenkeelError as {@link openProxyFile} does; the given fleet stays open
 */
export async function openBeside(
  fleet: FleetSource,
  path: string,
  options: Omit<ProxySourceOptions, "check">,
): Promise<{ fleet: FleetSource; proxy: ProxySource }> {
  let served: FleetSource = fleet;
  const proxy = await openProxyFile(path, {
    ...options,
    *check(config) {
      const other = served.current();
      if (other === undefined) return;
      for (const { path, theirs } of clashes(other, config))
        yield { path, what: `clashes with the fleet, which has ${theirs}` };
    },
  });
  served = fleetBeside(fleet, proxy, path, options.log);
  served.subscribe(() => proxy.again());
  return { fleet: served, proxy };
}

/** The fleet, but for what clashes with the proxy: then the last one that did not stays. */
function fleetBeside(source: FleetSource, proxy: ProxyFile, path: string, log: Logger): FleetSource {
  const listeners = new Listeners();
  let fleet: Fleet | undefined;
  let fault: string | undefined;
  const take = () => {
    const next = source.current();
    const [clash] = next === undefined ? [] : proxy.claims().flatMap((config) => clashes(next, config));
    if (clash === undefined) {
      fleet = next;
      fault = undefined;
      return;
    }
    const before = fault;
    fault = new EvenkeelError(
      "EK_FLEET_INVALID",
      `${clash.theirs} clashes with the reverse proxy of ${path}: ${clash.ours}`,
      { next: "give one of them another name or place; the last good fleet stays until then" },
    ).describe();
    if (fault !== before) log.error(fault);
  };
  const changed = () => {
    take();
    listeners.tell();
  };
  const unsubscribe = [source.subscribe(changed), proxy.subscribe(() => fault !== undefined && changed())];
  take();
  return {
    current: () => fleet,
    fault: () => fault ?? source.fault(),
    ...(source.makes === undefined ? {} : { makes: (name) => source.makes?.(name) ?? false }),
    subscribe: (listener) => listeners.subscribe(listener),
    async close() {
      for (const end of unsubscribe) end();
      listeners.clear();
      await source.close();
    },
  };
}
