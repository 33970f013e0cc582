/** Run by `forward.ts` on a rig's network: passes on what comes to a socket in the file system to a TCP address. */
import { connect, createServer } from "node:net";

const [socket, target] = process.argv.slice(2) as [string, string];
const colon = target.lastIndexOf(":");
const [host, port] = [target.slice(0, colon), Number(target.slice(colon + 1))];

const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ host, port, allowHalfOpen: true });
  client.pipe(upstream).pipe(client);
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
});
server.listen(socket, () => process.stdout.write("listening\n"));
