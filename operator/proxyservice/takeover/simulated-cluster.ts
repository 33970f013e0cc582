import type { DesiredObject } from "../desired/meta.ts";
import { OWNER_LABEL, UNUSED_ANNOTATION } from "../names.ts";
import type { ProxyService, ProxyServiceSpec } from "../resource.ts";
import { settle } from "../resource.ts";
import type { Service } from "../service.ts";
import type { Action, LiveObject, Observed, Plan, PlanOptions, ReadyEndpoints } from "./observed.ts";
import { takenBy } from "./original.ts";
import { plan } from "./plan.ts";

/** The operator is killed: nothing that it would have done next is done. */
export class Killed extends Error {}

const NAMESPACE = "shop";
/** From a Deployment to pods that are ready and configured. */
const GATEWAY_STARTS_MS = 8000;
/** From the end of a gateway pod's Deployment to the end of the pod: little, as few connections are left. */
const GATEWAY_ENDS_MS = 5000;
/** How long clients may go on by an old route: kube-proxies that lag, kept connections. */
const CLIENTS_LAG_MS = 20_000;

interface Route {
  readonly sinceMs: number;
  readonly to: "workers" | "gateway" | "nobody";
}

/**
 * A cluster with one Service in memory, for tests of the takeover: it does what the API server and Kubernetes' controllers
 * would, and says after each step whether a client of the Service could fail.
 */
export class SimulatedCluster {
  nowMs = Date.parse("2026-01-01T00:00:00Z");
  resource: ProxyService | undefined;
  readonly objects = new Map<string, LiveObject>();
  /** Of the Service, oldest first. */
  readonly #routes: Route[] = [];
  readonly #gateway = { readyAtMs: Number.POSITIVE_INFINITY, endsAtMs: Number.POSITIVE_INFINITY };
  writes = 0;
  /** The write after which the operator is killed. */
  killAfter = Number.POSITIVE_INFINITY;
  controlPlane = true;
  readonly failures: string[] = [];
  /** What somebody else has deleted at some time. */
  readonly removed = new Set<string>();
  #version = 1;

  constructor(front: Service) {
    this.#store({ ...front, apiVersion: "v1", kind: "Service" });
  }

  create(spec: ProxyServiceSpec): void {
    const metadata = {
      name: "ps-s0",
      namespace: NAMESPACE,
      uid: "uid-1",
      generation: 1,
      creationTimestamp: "2026-01-01",
    };
    this.resource = { metadata, spec };
  }

  change(spec: Partial<ProxyServiceSpec>): void {
    const resource = this.#existing();
    const generation = (resource.metadata.generation ?? 0) + 1;
    this.resource = {
      ...resource,
      spec: { ...resource.spec, ...spec },
      metadata: { ...resource.metadata, generation },
    };
  }

  delete(): void {
    const resource = this.#existing();
    const deletionTimestamp = new Date(this.nowMs).toISOString();
    this.resource = { ...resource, metadata: { ...resource.metadata, deletionTimestamp } };
    this.#finalize();
  }

  service(name: string): Service | undefined {
    return this.objects.get(`Service ${name}`) as Service | undefined;
  }

  /** Somebody else writes a Service. */
  write(service: Service): void {
    this.#store({ ...service, apiVersion: "v1", kind: "Service" });
  }

  /** Somebody else deletes an object. */
  remove(key: string): void {
    this.removed.add(key);
    this.objects.delete(key);
  }

  /** Runs the operator, a pass each second, until nothing changes for a while. @throws Killed */
  run(options: PlanOptions, seconds = 200): void {
    for (let second = 0; second < seconds; second += 1) {
      this.#pass(plan(this.observe(), options));
      this.advance(1000);
    }
  }

  advance(ms: number): void {
    this.nowMs += ms;
    const deployment = this.objects.get("Deployment ps-s0");
    if (this.nowMs >= this.#gateway.endsAtMs) {
      this.objects.delete("Deployment ps-s0");
      this.#gateway.readyAtMs = Number.POSITIVE_INFINITY;
      this.#gateway.endsAtMs = Number.POSITIVE_INFINITY;
    } else if (deployment !== undefined && this.nowMs >= this.#gateway.readyAtMs) {
      const status = { observedGeneration: 99, replicas: 1, readyReplicas: 1, availableReplicas: 1 };
      this.objects.set("Deployment ps-s0", { ...deployment, status });
    }
    this.#check();
  }

  observe(): Observed {
    const ours = [...this.objects.values()].filter((object) => object.metadata.labels?.[OWNER_LABEL] === "ps-s0");
    const settled = this.resource === undefined ? undefined : settle(this.resource);
    const fronts = [...this.objects.values()].filter(({ kind }) => kind === "Service") as unknown as Service[];
    const front =
      settled === undefined
        ? fronts.find((service) => takenBy(service) === "ps-s0")
        : this.service(settled.serviceName);
    const target = settled && this.service(settled.target);
    return {
      nowMs: this.nowMs,
      resource: this.resource,
      name: "ps-s0",
      namespace: NAMESPACE,
      front,
      target,
      frontEndpoints: this.#endpoints(front),
      targetEndpoints: this.#endpoints(target),
      rival: undefined,
      inTheWay: [],
      missing: undefined,
      ours,
      controlPlane: this.controlPlane,
    };
  }

  #pass({ actions, status }: Plan): void {
    for (const action of actions) this.#written(() => this.#act(action));
    if (status === undefined || this.resource === undefined) return;
    if (JSON.stringify(status) === JSON.stringify(this.resource.status)) return;
    this.#written(() => {
      this.resource = { ...this.#existing(), status };
    });
  }

  #written(write: () => void): void {
    write();
    this.#check();
    this.writes += 1;
    if (this.writes >= this.killAfter) throw new Killed(`after write ${this.writes}`);
  }

  #act(action: Action): void {
    if (action.do === "finalizers") {
      const resource = this.#existing();
      this.resource = { ...resource, metadata: { ...resource.metadata, finalizers: action.finalizers } };
      this.#finalize();
    } else if (action.do === "apply") this.#apply(action.object);
    else if (action.do === "delete") this.#delete(action.object);
    else if (action.do === "unused") {
      const { [UNUSED_ANNOTATION]: _, ...rest } = action.object.metadata.annotations ?? {};
      const annotations = action.since === null ? rest : { ...rest, [UNUSED_ANNOTATION]: action.since };
      this.#store({ ...action.object, metadata: { ...action.object.metadata, annotations } });
    } else this.#store(action.object as DesiredObject);
  }

  #apply(object: DesiredObject): void {
    const live = this.objects.get(keyOf(object));
    this.#store({ ...object, ...(live?.status === undefined ? {} : { status: live.status }) });
    if (object.kind === "Deployment" && live === undefined) this.#gateway.readyAtMs = this.nowMs + GATEWAY_STARTS_MS;
  }

  #delete(object: LiveObject): void {
    if (object.kind !== "Deployment") {
      this.objects.delete(keyOf(object));
      return;
    }
    const metadata = { ...object.metadata, deletionTimestamp: new Date(this.nowMs).toISOString() };
    this.objects.set(keyOf(object), { ...object, metadata });
    this.#gateway.endsAtMs = this.nowMs + GATEWAY_ENDS_MS;
  }

  #store(object: LiveObject): void {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version), generation: 1 };
    this.objects.set(keyOf(object), { ...object, metadata });
  }

  /** What is deleted and held by no finalizer is gone, and what it owned with it. */
  #finalize(): void {
    const { metadata } = this.#existing();
    if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return;
    this.resource = undefined;
    for (const [key, object] of [...this.objects])
      if (object.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid)) this.objects.delete(key);
  }

  #endpoints(service: Service | undefined): ReadyEndpoints {
    const to = this.#leadsTo(service);
    const gateway = to === "gateway" && this.nowMs >= this.#gateway.readyAtMs ? 1 : 0;
    return { gateway, others: to === "workers" ? 3 : 0 };
  }

  #leadsTo(service: Service | undefined): Route["to"] {
    const selector = JSON.stringify(service?.spec.selector);
    if (selector === '{"app":"s0"}') return "workers";
    return selector === '{"istio":"ps-s0","evenkeel.io/namespace":"shop"}' ? "gateway" : "nobody";
  }

  /** Would a client of the Service be served, also one that has not heard of the last change yet? */
  #check(): void {
    if (this.nowMs >= this.#gateway.readyAtMs) this.#checkGateway();
    const to = this.#leadsTo(this.service("sn0"));
    const last = this.#routes.at(-1);
    if (last?.to !== to) this.#routes.push({ sinceMs: this.nowMs, to });
    this.#routes.forEach((route, index) => {
      const endedMs = this.#routes[index + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
      if (this.nowMs - CLIENTS_LAG_MS > endedMs) return;
      const fault = this.#faultOf(route.to);
      if (fault !== undefined) this.failures.push(`${this.writes} writes, route to ${route.to}: ${fault}`);
    });
  }

  #faultOf(to: Route["to"]): string | undefined {
    if (to === "workers") return undefined;
    if (to === "nobody") return "no pods";
    return this.nowMs < this.#gateway.readyAtMs ? "the gateway is not ready" : this.#targetFault();
  }

  /** A pod that ends still serves the connections that it has, by what it is told. */
  #checkGateway(): void {
    for (const key of ["Gateway ps-s0-gw", "VirtualService ps-s0-vs"])
      if (!this.objects.has(key) && !this.removed.has(key))
        this.failures.push(`${this.writes} writes: the gateway runs without ${key}`);
  }

  #targetFault(): string | undefined {
    if (!this.objects.has("VirtualService ps-s0-vs")) return "the gateway has no route";
    const route = this.objects.get("VirtualService ps-s0-vs")?.spec as {
      http: { route: { destination: { host: string } }[] }[];
    };
    const target = route.http.at(-1)?.route[0]?.destination.host.split(".")[0] ?? "";
    return this.#leadsTo(this.service(target)) === "workers" ? undefined : `the target ${target} leads nowhere`;
  }

  #existing(): ProxyService {
    if (this.resource === undefined) throw new Error("there is no ProxyService");
    return this.resource;
  }
}

function keyOf({ kind, metadata }: { readonly kind: string; readonly metadata: { readonly name: string } }): string {
  return `${kind} ${metadata.name}`;
}
