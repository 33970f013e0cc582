import { afterEach, expect, it, vi } from "vitest";
import { main } from "./main.ts";

const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
afterEach(() => printed.mockClear());
const output = () => printed.mock.calls.map(([text]) => String(text)).join("");

it("prints the bootstrap for the given control plane", async () => {
  const args = ["--print-bootstrap", "--xds", "10.0.0.1:1, [fd00::1]:2", "--node-id", "n", "--xds-protocol", "sotw"];
  expect(await main([...args, "--zone", "b"])).toBe(0);
  const config = JSON.parse(output());
  expect(config).toMatchObject({
    node: { id: "n", locality: { zone: "b" } },
    dynamic_resources: { ads_config: { api_type: "GRPC" } },
  });
  expect(output()).toContain("fd00::1");
});

it("tells its settings", async () => {
  expect(await main(["--help"])).toBe(0);
  expect(output()).toContain("--drain-timeout TIME");
});

it.each(["nonsense", "host:0", "host:70000", "fd00::1:80", "a:1,,b:2"])("refuses %s as an xDS address", async (xds) => {
  await expect(main(["--print-bootstrap", "--xds", xds])).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
});
