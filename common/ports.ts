import { createServer } from "node:net";

/**
 * Finds `count` free TCP ports on loopback, all different. Another program may take one before it is used: what listens
 * must still say so clearly.
 */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<number[]> {
  // All are held open until all are found, or the same one would be found twice.
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, host, resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
