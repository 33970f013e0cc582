import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import project from "../../package.json" with { type: "json" };
import { ENVOY } from "../../sidecar/envoy/find.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");
const dockerfile = readFileSync(join(import.meta.dirname, "Dockerfile"), "utf8");
const ignored = readFileSync(join(import.meta.dirname, "Dockerfile.dockerignore"), "utf8").split("\n");

it("has the Node that the project is tested with", () => {
  expect(dockerfile).toContain(`NODE_IMAGE=node:${project.devDependencies.node}-bookworm-slim`);
});

it("has the Envoy that the project is tested with", () => {
  expect(dockerfile).toContain(`ENVOY_IMAGE=envoyproxy/envoy:v${ENVOY.version}`);
});

it("begins with these two images and fetches no other, a frontend's neither", () => {
  const images = [...dockerfile.matchAll(/^FROM (?:--\S+ )?(?:\$\{(.+)\}|base) AS/gm)].map(
    (match) => match[1] ?? "base",
  );
  expect(images).toHaveLength([...dockerfile.matchAll(/^FROM /gm)].length);
  expect(new Set(images)).toEqual(new Set(["NODE_IMAGE", "ENVOY_IMAGE", "base"]));
  expect(dockerfile).not.toMatch(/^# syntax=/m);
});

it("copies what is in the repository and not ignored", () => {
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    (match[1] as string).split(" "),
  );
  expect(sources.length).toBeGreaterThan(3);
  for (const source of sources) {
    expect(existsSync(join(REPOSITORY, source)), source).toBe(true);
    if (source !== ".") expect(ignored).toContain(`!${source}`);
  }
});

it("lets every folder of production in, and no tests, modules or generated code of this machine", () => {
  expect(ignored.filter((line) => line.trim() !== "" && !line.startsWith("#"))[0]).toBe("*");
  for (const folder of ["cli", "common", "manifests", "proto", "sidecar", "workloads", "xds"])
    expect(ignored).toContain(`!${folder}`);
  for (const pattern of ["proto/generated", "**/node_modules", "**/*.test.ts"]) expect(ignored).toContain(pattern);
});

it("runs as a user without rights in every target", () => {
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const final = stages.filter((stage) => / AS (base|worker|proxy)\n/.test(stage));
  expect(final).toHaveLength(3);
  for (const stage of final) expect([...stage.matchAll(/^USER (.+)$/gm)].at(-1)?.[1]).toBe("1000:1000");
  expect(stages.at(-1)).toMatch(/^base AS evenkeel\n/);
});

it("has one target for the posture programs, which a build argument chooses, and modules of the image's platform", () => {
  const app = dockerfile.split(/^FROM /m).find((stage) => stage.startsWith("base AS app\n"));
  expect(app).toMatch(/^ARG APP=analyzer$/m);
  expect(app).not.toMatch(/^USER/m);
  expect(dockerfile).toMatch(/^ARG TARGETARCH$/m);
  expect(dockerfile).toMatch(/--cpu="\$\(echo .*TARGETARCH:-amd64.*amd64\/x64/);
});
