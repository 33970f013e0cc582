import { createServer } from "node:net";
import { EvenkeelError } from "../../common/errors.ts";
import { hostAndPort, type ProxyListen } from "./config.ts";

/**
 * Makes sure that nobody listens there yet. Envoy alone would not notice another Envoy: both would share the port.
 * @param where the file that names the place
 * @throws EvenkeelError EK_PORT_IN_USE, EK_PROXY_CONFIG_INVALID when it is no place of this machine or not allowed
 */
export async function requireFree(listen: ProxyListen, where: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: listen.address, port: listen.port }, resolve);
    });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new EvenkeelError("EK_PORT_IN_USE", `the proxy cannot listen on ${hostAndPort(listen)}`, { where, cause });
    throw new EvenkeelError(
      "EK_PROXY_CONFIG_INVALID",
      `the proxy cannot listen on ${hostAndPort(listen)}: ${message}`,
      {
        where,
        next: "name an address of this machine, and a port that this user may listen on",
        cause,
      },
    );
  }
  await new Promise((resolve) => server.close(resolve));
}
