import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { main } from "./config-command.ts";

const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
let folder: string;
let output: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-config-"));
  output = join(folder, "config.yaml");
});
afterEach(async () => {
  printed.mockClear();
  await rm(folder, { recursive: true, force: true });
});
const written = async () => parse(await readFile(output, "utf8"));

it("writes the earlier system's configuration when nothing is said", async () => {
  expect(await main(["--output", output])).toBe(0);
  expect(await written()).toEqual({
    proxy: {
      listen: { address: "127.0.0.1", port: "8080" },
      services: [
        {
          name: "my-service",
          domain: "my-service.mycompany.com",
          hosts: [1, 2, 3, 4, 5].map((last) => ({ address: `10.0.0.${last}`, port: "" })),
        },
      ],
    },
  });
});

it("takes the earlier flags, and more", async () => {
  const earlier = ["--sub-domain", "shop", "--ingress-port", "9000", "--target-port", "9090"];
  await main([...earlier, "--hosts", "https://a.example, b", "--parent-domain", "example.org", "-o", output]);
  expect(await written()).toEqual({
    proxy: {
      listen: { address: "127.0.0.1", port: "9000" },
      services: [
        {
          name: "shop",
          domain: "shop.example.org",
          hosts: [
            { address: "https://a.example", port: "9090" },
            { address: "b", port: "9090" },
          ],
        },
      ],
    },
  });
});

it("never writes over a file, unless forced to", async () => {
  await writeFile(output, "mine");
  await expect(main(["--output", output])).rejects.toMatchObject({ code: "EK_FILE_EXISTS", where: output });
  expect(await readFile(output, "utf8")).toBe("mine");
  expect(await main(["--output", output, "--force"])).toBe(0);
  expect(await written()).toHaveProperty("proxy.listen.port", "8080");
});

it("says that a folder is not there", async () => {
  await expect(main(["--output", join(folder, "none", "config.yaml")])).rejects.toMatchObject({
    code: "EK_FILE_UNREADABLE",
    message: expect.stringContaining("cannot be written"),
  });
});

it.each([
  ["--ingress-port", "0"],
  ["--ingress-port", "65536"],
  ["--target-port", "65536"],
  ["--target-port", "x"],
  ["--sub-domain", ""],
  ["--sub-domain", "a.b"],
  ["--hosts", "a,,b"],
  ["--parent-domain", "a b"],
])("refuses %s %j and writes nothing", async (flag, value) => {
  await expect(main([flag, value, "--output", output])).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
  await expect(readFile(output)).rejects.toMatchObject({ code: "ENOENT" });
});

it("refuses hosts that the proxy would refuse", async () => {
  await expect(main(["--hosts", "a,a", "--output", output])).rejects.toMatchObject({
    code: "EK_PROXY_CONFIG_INVALID",
    message: expect.stringContaining("repeats a:80"),
  });
});
