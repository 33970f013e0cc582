import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { kubeClient } from "../../common/kubernetes/client.ts";
import { Look } from "./look.ts";
import { examineCluster, main } from "./main.ts";
import { pod } from "./testing.ts";

const SCOPE = { namespace: "", systemNamespace: "evenkeel", istioNamespace: "istio-system", consoleUrl: "" };

afterEach(() => vi.restoreAllMocks());

it("could not look when it was called wrongly", async () => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  expect(await main(["--typo"])).toBe(2);
  expect(said).toHaveBeenCalledWith(expect.stringContaining("EK_USAGE"));
});

describe("an answer that breaks off", () => {
  let server: Server;
  afterEach(() => server.close());
  const clientOf = async () => {
    server = createServer((_, response: ServerResponse) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half of", () => response.destroy());
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: "fake", server: address, skipTLSVerify: true }, { name: "user" });
    return kubeClient(() => config);
  };

  it("of a pod is as good as none", async () => {
    const client = await clientOf();
    await expect(new Look(client, SCOPE, 0).ask(pod("up/a"), 8080, "/metrics")).rejects.toMatchObject({
      code: "EK_KUBE_UNREACHABLE",
    });
    client.close();
  });

  it("of the API server leaves all unseen", async () => {
    const client = await clientOf();
    const { checks, findings, unseen } = await examineCluster(client, SCOPE);
    expect(findings).toEqual([]);
    expect(unseen.map(({ check }) => check)).toEqual(checks);
    client.close();
  });
});
