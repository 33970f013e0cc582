import { createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { freePorts } from "../../common/ports.ts";
import { requireFree } from "./free-port.ts";

let holder: Server | undefined;
const letGo = async () => {
  await new Promise((resolve) => holder?.close(resolve) ?? resolve(undefined));
  holder = undefined;
};
afterEach(letGo);

async function taken() {
  const [port = 0] = await freePorts(1);
  holder = createServer();
  await new Promise<void>((resolve) => holder?.listen(port, "127.0.0.1", resolve));
  return { address: "127.0.0.1", port };
}

it("refuses a port that is taken, and takes it once it is free", async () => {
  const listen = await taken();
  await expect(requireFree(listen, "config.yaml")).rejects.toMatchObject({
    code: "EK_PORT_IN_USE",
    where: "config.yaml",
    message: `the proxy cannot listen on 127.0.0.1:${listen.port}`,
  });
  const waiting = requireFree(listen, "config.yaml", 20_000);
  await letGo();
  await waiting;
});

it("refuses an address that is not this machine's", async () => {
  await expect(requireFree({ address: "192.0.2.1", port: 8080 }, "config.yaml", 20_000)).rejects.toMatchObject({
    code: "EK_PROXY_CONFIG_INVALID",
    message: expect.stringContaining("192.0.2.1:8080"),
  });
});
