/**
 * Makes proto/generated/ at install: TypeScript for the protobuf files listed below and all that they import, and
 * descriptors.binpb, the same as a descriptor set. The sources are npm packages and this folder; nothing is fetched.
 * It is JavaScript so that an older Node can run it far enough to say what is wrong.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "generated");
const STAMP = join(OUT, "stamp");
const OLDEST_NODE = [24, 9];
const TOOLS = ["@bufbuild/buf", "ts-proto", "@grpc/grpc-js-xds"];
const TS_PROTO_OPTIONS =
  "env=node,importSuffix=.ts,enumsAsLiterals=true,esModuleInterop=true,outputServices=grpc-js,oneof=unions,forceLong=bigint,useExactTypes=false";

/** What is generated; imports follow by themselves. */
const ROOTS = [
  "envoy/admin/v3/certs.proto",
  "envoy/admin/v3/clusters.proto",
  "envoy/admin/v3/config_dump.proto",
  "envoy/admin/v3/listeners.proto",
  "envoy/admin/v3/server_info.proto",
  "envoy/config/bootstrap/v3/bootstrap.proto",
  "envoy/config/cluster/v3/cluster.proto",
  "envoy/config/endpoint/v3/endpoint.proto",
  "envoy/config/listener/v3/listener.proto",
  "envoy/config/metrics/v3/stats.proto",
  "envoy/config/route/v3/route.proto",
  "envoy/extensions/access_loggers/file/v3/file.proto",
  "envoy/extensions/access_loggers/stream/v3/stream.proto",
  "envoy/extensions/filters/http/buffer/v3/buffer.proto",
  "envoy/extensions/filters/http/health_check/v3/health_check.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/formatter/metadata/v3/metadata.proto",
  "envoy/extensions/formatter/req_without_query/v3/req_without_query.proto",
  "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto",
  "envoy/extensions/load_balancing_policies/common/v3/common.proto",
  "envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto",
  "envoy/extensions/load_balancing_policies/random/v3/random.proto",
  "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto",
  "envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.proto",
  "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "envoy/service/cluster/v3/cds.proto",
  "envoy/service/discovery/v3/ads.proto",
  "envoy/service/endpoint/v3/eds.proto",
  "envoy/service/listener/v3/lds.proto",
  "envoy/service/load_stats/v3/lrs.proto",
  "envoy/service/route/v3/rds.proto",
  "envoy/service/status/v3/csds.proto",
  "externalscaler/externalscaler.proto",
  "google/rpc/status.proto",
  "grpc/health/v1/health.proto",
  "istio/v1/auth/ca.proto",
  "xds/service/orca/v3/orca.proto",
  "xds/type/v3/typed_struct.proto",
];

/** Field numbers of `ignore_empty` in protoc-gen-validate since 0.6; the shipped copy of validate.proto is older. */
const IGNORE_EMPTY = { StringRules: 26, BytesRules: 14, RepeatedRules: 5, MapRules: 6 };
const IGNORE_EMPTY_OF_NUMBERS = 8;

const require = createRequire(import.meta.url);

class GenerateError extends Error {}

function packageFolder(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function fail(what, next) {
  throw new GenerateError(`EK_GENERATE_FAILED proto/generate.mjs: ${what}. Next: ${next}.`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(
    `this is Node ${process.versions.node}, ${OLDEST_NODE.join(".")} or newer is needed`,
    "run `npm ci` with install scripts allowed (they bring the pinned Node), or run this with a newer Node",
  );
}

function ownProtos() {
  return readdirSync(HERE, { recursive: true })
    .filter((path) => path.endsWith(".proto") && !path.startsWith("generated"))
    .sort();
}

/** Changes with everything that the output depends on. The packages are pinned, so their versions stand for them. */
function hashOfInputs(packages) {
  const hash = createHash("sha256");
  for (const path of [fileURLToPath(import.meta.url), ...ownProtos().map((path) => join(HERE, path))])
    hash.update(path.slice(HERE.length)).update("\0").update(readFileSync(path)).update("\0");
  for (const folder of packages)
    hash.update(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version).update("\0");
  return hash.digest("hex");
}

function withIgnoreEmpty(text) {
  return text.replace(/^message (\w+Rules) \{\n/gm, (line, name) => {
    const isNumber = /^(Float|Double|S?U?Int|S?Fixed)(32|64)?Rules$/.test(name);
    const number = IGNORE_EMPTY[name] ?? (isNumber ? IGNORE_EMPTY_OF_NUMBERS : undefined);
    return number === undefined ? line : `${line}    optional bool ignore_empty = ${number};\n`;
  });
}

/** Copies the roots and what they import into one folder, as one tree. Google's well-known types are in buf itself. */
function stage(folder, dependencies) {
  const sources = [
    HERE,
    ...["envoy-api", "xds", "googleapis", "protoc-gen-validate"].map((d) => join(dependencies, d)),
  ];
  const waiting = ROOTS.map((path) => ({ path, wantedBy: "the list of roots" }));
  const staged = new Set();
  for (const { path, wantedBy } of waiting) {
    if (staged.has(path) || path.startsWith("google/protobuf/")) continue;
    staged.add(path);
    const source = sources.map((root) => join(root, path)).find(existsSync);
    if (source === undefined)
      fail(`${path}, wanted by ${wantedBy}, is in none of the sources`, "mend ROOTS or add the file to proto/");
    const original = readFileSync(source, "utf8").replaceAll("\r\n", "\n");
    const text =
      path === "validate/validate.proto" && !original.includes("ignore_empty") ? withIgnoreEmpty(original) : original;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    for (const match of text.matchAll(/^import (?:public |weak )?"([^"]+)";/gm))
      waiting.push({ path: match[1], wantedBy: path });
  }
}

function run(buf, args, cwd, cache) {
  const result = spawnSync(process.execPath, [join(buf, "bin/buf"), ...args], {
    cwd,
    encoding: "utf8",
    // buf wants a cache folder even when it has nothing to put there.
    env: { ...process.env, BUF_CACHE_DIR: cache },
  });
  if (result.status !== 0)
    fail(
      `buf ${args[0]} failed: ${(result.error?.message ?? result.stderr).trim()}`,
      "if buf itself is missing, run `npm ci` with install scripts and optional packages allowed",
    );
}

/** The output is not ours to type-check: its own unused imports would fail under our settings. */
function leaveUnchecked(folder) {
  for (const path of readdirSync(folder, { recursive: true })) {
    if (!path.endsWith(".ts")) continue;
    const file = join(folder, path);
    writeFileSync(file, `// @ts-nocheck\n${readFileSync(file, "utf8")}`);
  }
}

function generate([buf, tsProto, grpcXds], hash) {
  const work = mkdtempSync(join(tmpdir(), "evenkeel-proto-"));
  try {
    const protos = join(work, "protos");
    const made = join(work, "made");
    const cache = join(work, "cache");
    for (const folder of [protos, made, cache]) mkdirSync(folder);
    stage(protos, join(grpcXds, "deps"));
    const template = {
      version: "v2",
      plugins: [
        {
          local: [process.execPath, join(tsProto, "protoc-gen-ts_proto")],
          out: made,
          opt: TS_PROTO_OPTIONS,
          // One run for all folders: each start of the plug-in costs half a second.
          strategy: "all",
          include_imports: true,
          include_wkt: true,
        },
      ],
    };
    run(buf, ["generate", "--template", JSON.stringify(template)], protos, cache);
    run(buf, ["build", "--exclude-source-info", "-o", join(made, "descriptors.binpb")], protos, cache);
    leaveUnchecked(made);
    rmSync(OUT, { recursive: true, force: true });
    cpSync(made, OUT, { recursive: true });
    // Last, so that an interrupted run starts over.
    writeFileSync(STAMP, hash);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function main() {
  const packages = TOOLS.map(packageFolder);
  const missing = TOOLS.filter((_, index) => packages[index] === undefined);
  if (missing.length > 0) {
    // `npm prune --omit=dev` in an image: the tools have gone, what they made is there.
    if (existsSync(STAMP)) return;
    fail(`not installed: ${missing.join(", ")}`, "run `npm ci` with the dev dependencies once");
  }
  const hash = hashOfInputs(packages);
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) return;
  checkNode();
  const start = performance.now();
  console.log("proto/generated: making types from the .proto files; some seconds");
  generate(packages, hash);
  console.log(`proto/generated made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

try {
  main();
} catch (error) {
  console.error(error instanceof GenerateError ? error.message : error);
  process.exitCode = 1;
}
