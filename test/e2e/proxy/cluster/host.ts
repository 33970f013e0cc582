/** A host behind the proxy, in a pod: each answer says which pod gave it, and who asked how. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume();
  const { host, "x-forwarded-host": forwardedHost, "x-forwarded-client-cert": certificate } = request.headers;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ pod: process.env.POD_NAME, url: request.url, host, forwardedHost, certificate }));
});
server.keepAliveTimeout = 60_000;
server.listen(8080);
process.once("SIGTERM", () => server.close(() => process.exit(0)));
