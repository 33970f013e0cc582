import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import { hostAndPort, type ProxyListen } from "./config.ts";

const AGAIN_MS = 100;

/**
 * Makes sure that nobody listens there. Envoy alone would not notice another Envoy: both would share the port.
 * @param where the file that names the place
 * @param patienceMs how long to wait for who is just leaving
 * @throws EvenkeelError EK_PORT_IN_USE, EK_PROXY_CONFIG_INVALID when it is no place of this machine or not allowed
 */
export async function requireFree(listen: ProxyListen, where: string, patienceMs = 0): Promise<void> {
  for (const end = performance.now() + patienceMs; ; await sleep(AGAIN_MS)) {
    const fault = await tryToListen(listen);
    if (fault === undefined) return;
    if (fault.code !== "EADDRINUSE") throw impossible(listen, where, fault);
    if (performance.now() < end) continue;
    throw new EvenkeelError("EK_PORT_IN_USE", `the proxy cannot listen on ${hostAndPort(listen)}`, {
      where,
      cause: fault,
    });
  }
}

async function tryToListen(listen: ProxyListen): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  const fault = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen({ host: listen.address, port: listen.port }, () => resolve(undefined));
  });
  if (server.listening) await new Promise((resolve) => server.close(resolve));
  return fault;
}

function impossible(listen: ProxyListen, where: string, cause: Error): EvenkeelError {
  return new EvenkeelError(
    "EK_PROXY_CONFIG_INVALID",
    `the proxy cannot listen on ${hostAndPort(listen)}: ${cause.message}`,
    { where, next: "name an address of this machine, and a port that this user may listen on", cause },
  );
}
