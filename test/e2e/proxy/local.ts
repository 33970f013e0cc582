import { setTimeout as sleep } from "node:timers/promises";
import { type Host, startHost } from "./hosts.ts";
import { ask, drive, quantile } from "./load.ts";
import { configText, type ProxyProcess, startProxyProcess, type WrittenService } from "./process.ts";
import { chiSquare, pValue } from "./uniform.ts";

const HOSTS = 5;
const REQUESTS = 100_000;
const CONCURRENCY = 20;
/** A proxy that draws fairly fails by chance once in ten thousand runs. */
const LEAST_P = 1e-4;
const OVERHEAD_ROUNDS = 20;
const OVERHEAD_REQUESTS = 500;
const DEATHS = 5;
const OUT_WITHIN_MS = 1000;
const BACK_WITHIN_MS = 1000;
const SERVICES = 10_000;
const PATIENCE_MS = 30_000;
const DOMAIN = "shop.example.com";

/**
 * `evenkeel proxy` with a real Envoy: a fair draw, what it costs, hosts that die and return, ten thousand services.
 * @returns the line that says what was seen
 * @throws Error when something of it does not hold
 */
export async function onThisMachine(): Promise<string> {
  const hosts = await Promise.all(
    Array.from({ length: HOSTS }, () =>
      startHost({
        listener: (asked, response) => {
          asked.resume();
          response.end("ok");
        },
      }),
    ),
  );
  try {
    const service = { name: "shop", domain: DOMAIN, hosts: hosts.map(({ address, port }) => ({ address, port })) };
    const proxy = await startProxyProcess([service]);
    const seen: string[] = [];
    try {
      seen.push(await fairDraw(proxy, hosts));
      seen.push(await overhead(proxy, hosts[0] as Host));
      seen.push(await deaths(proxy, hosts));
    } finally {
      await proxy.stop();
    }
    seen.push(await manyServices(hosts));
    return seen.join("; ");
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
  }
}

async function fairDraw(proxy: ProxyProcess, hosts: readonly Host[]): Promise<string> {
  const before = hosts.map((host) => host.requests());
  const { failures, seconds } = await drive({
    port: proxy.port,
    host: DOMAIN,
    requests: REQUESTS,
    concurrency: CONCURRENCY,
  });
  const counts = hosts.map((host, index) => host.requests() - (before[index] ?? 0));
  const statistic = chiSquare(counts);
  const p = pValue(statistic, HOSTS);
  console.log(`${REQUESTS} requests in ${seconds.toFixed(1)} s over ${HOSTS} hosts: ${counts.join(", ")}`);
  require(failures.size === 0, `not all were answered: ${[...failures].join(" ")}`);
  require(counts.reduce((sum, count) => sum + count, 0) === REQUESTS, "the hosts did not get each request once");
  require(p > LEAST_P, `the draw is not uniform: chi-square ${statistic.toFixed(2)}, p ${p.toExponential(1)}`);
  return `${REQUESTS} requests over ${HOSTS} hosts, chi-square ${statistic.toFixed(2)} (p ${p.toFixed(3)})`;
}

async function overhead(proxy: ProxyProcess, host: Host): Promise<string> {
  const measure = async (port: number) =>
    (await drive({ port, host: DOMAIN, requests: OVERHEAD_REQUESTS, concurrency: 1 })).latenciesMs;
  const direct: number[] = [];
  const through: number[] = [];
  // In turns, so that what else the machine does strikes both.
  for (let round = 0; round < OVERHEAD_ROUNDS; round++) {
    direct.push(...(await measure(host.port)));
    through.push(...(await measure(proxy.port)));
  }
  const figures = [0.5, 0.99].map((share) => ({ direct: quantile(direct, share), through: quantile(through, share) }));
  const [median, tail] = figures.map(
    (figure) =>
      `${figure.direct.toFixed(2)} -> ${figure.through.toFixed(2)} ms (x${(figure.through / figure.direct).toFixed(1)})`,
  );
  console.log(`latency directly -> through the proxy, one at a time: p50 ${median}, p99 ${tail}`);
  require(through.length === direct.length, "not all were answered");
  return `overhead p50 ${median}, p99 ${tail}`;
}

async function deaths(proxy: ProxyProcess, hosts: readonly Host[]): Promise<string> {
  const outMs: number[] = [];
  const backMs: number[] = [];
  for (let round = 0; round < DEATHS; round++) {
    const host = hosts[round % hosts.length] as Host;
    await host.die();
    const died = performance.now();
    await until("the dead host is left out", async () => !(await isUp(proxy, host)));
    outMs.push(performance.now() - died);
    const retries = await retriesOf(proxy);
    const { failures } = await drive({ port: proxy.port, host: DOMAIN, requests: 500, concurrency: 5 });
    require(failures.size === 0, `requests failed with a host down: ${[...failures].join(" ")}`);
    require((await retriesOf(proxy)) === retries, "requests still went to the dead host first");
    const before = host.requests();
    await host.revive();
    const revived = performance.now();
    await until("the host gets requests again", async () => {
      require((await ask(false, { port: proxy.port, host: DOMAIN })) === 200, "a request failed as a host returned");
      return host.requests() > before;
    });
    backMs.push(performance.now() - revived);
  }
  const [out, back] = [Math.max(...outMs), Math.max(...backMs)];
  console.log(`${DEATHS} deaths: left out after ${list(outMs)} ms, asked again after ${list(backMs)} ms`);
  require(out < OUT_WITHIN_MS, `a dead host was left out only after ${Math.round(out)} ms`);
  require(back < BACK_WITHIN_MS, `a host that returned was asked again only after ${Math.round(back)} ms`);
  return `${DEATHS} hosts that died left out within ${Math.round(out)} ms, back within ${Math.round(back)} ms`;
}

async function manyServices(hosts: readonly Host[]): Promise<string> {
  const services = Array.from({ length: SERVICES }, (_, index): WrittenService => {
    const { address, port } = hosts[index % hosts.length] as Host;
    return { name: `service-${index}`, domain: `service-${index}.example.com`, hosts: [{ address, port }] };
  });
  const began = performance.now();
  const proxy = await startProxyProcess(services);
  try {
    const startS = (performance.now() - began) / 1000;
    for (let index = 0; index < SERVICES; index += 97)
      require((await ask(false, { port: proxy.port, host: `service-${index}.example.com` })) ===
        200, `service-${index} is not served`);
    const edited = performance.now();
    await proxy.writeServices([
      ...services.slice(1),
      { ...(services[0] as WrittenService), domain: "new.example.com" },
    ]);
    await proxy.logged("edit taken", 5 * 60_000);
    const editS = (performance.now() - edited) / 1000;
    require((await ask(false, { port: proxy.port, host: "new.example.com" })) === 200, "the edit is not served");
    require((await ask(false, { port: proxy.port, host: "service-0.example.com" })) === 404, "what went is served");
    const text = configText(proxy.port, services).replace("service-9999.example.com", "service-9998.example.com");
    await proxy.write(text);
    const fault = await proxy.logged("EK_PROXY_CONFIG_INVALID", 5 * 60_000);
    const line = text.split("\n").findLastIndex((row) => row.includes("service-9998.example.com")) + 1;
    require(fault.includes(`${proxy.path}:${line}:`), `a fault in line ${line} is told as ${fault}`);
    require((await ask(false, { port: proxy.port, host: "new.example.com" })) === 200, "a bad edit changed something");
    console.log(`${SERVICES} services: serving after ${startS.toFixed(1)} s, an edit after ${editS.toFixed(1)} s`);
    return `${SERVICES} services served after ${startS.toFixed(1)} s, an edit of them after ${editS.toFixed(1)} s`;
  } finally {
    await proxy.stop();
  }
}

/** Whether Envoy's admin server has the host among those that get requests. */
async function isUp(proxy: ProxyProcess, host: Host): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/clusters?format=json`);
  const { cluster_statuses } = (await answer.json()) as { cluster_statuses: readonly ClusterStatus[] };
  const found = cluster_statuses
    .flatMap(({ host_statuses }) => host_statuses ?? [])
    .find(({ address }) => address.socket_address?.port_value === host.port);
  require(found !== undefined, `Envoy does not know the host at port ${host.port}`);
  return found.health_status.failed_active_health_check !== true;
}

/** How many requests Envoy has tried at a second host so far. */
async function retriesOf(proxy: ProxyProcess): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/stats?filter=service.shop.upstream_rq_retry$`);
  return Number(/: (\d+)/.exec(await answer.text())?.[1]);
}

interface ClusterStatus {
  readonly host_statuses?: readonly {
    readonly address: { readonly socket_address?: { readonly port_value: number } };
    readonly health_status: { readonly failed_active_health_check?: boolean };
  }[];
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(10)) if (await holds()) return;
  throw new Error(`not after ${PATIENCE_MS} ms: ${what}`);
}

function require(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

function list(values: readonly number[]): string {
  return values.map((value) => Math.round(value)).join(", ");
}
