import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";

/**
 * An idle connection is given up after this time. Servers do the same after theirs (Node's after 5 s): a request that
 * meets such an end would look like a failure of the server.
 */
const IDLE_MS = 4000;

/** Connections that are kept from one request to the next; as many as there are requests at once. */
export function keptConnections(url: URL, atOnce: number): Agent {
  // The last one used goes first: the others come to rest and are closed when the load falls.
  const options = { keepAlive: true, maxFreeSockets: atOnce, scheduling: "lifo", timeout: IDLE_MS } as const;
  return url.protocol === "https:" ? new SecureAgent(options) : new Agent(options);
}
