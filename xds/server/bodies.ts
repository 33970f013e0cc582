import type { EncodedResource, ResourceReader } from "../resources/resource.ts";
import type { XdsRequest } from "./session.ts";
import { type Plan, WILDCARD } from "./subscription.ts";
import { isServed, type TypeView, typeView } from "./type-view.ts";
import { deltaBody, sotwBody } from "./wire.ts";

/** How many different bodies of one type and version are kept. */
const KEPT_BODIES = 64;

/** The bodies of one version of a type, by what is in them. */
interface Shelf {
  version: string;
  readonly bodies: Map<string, Buffer>;
}

/** Encodes responses, once for all clients that get the same: a body lives until its type has another version. */
export class Bodies {
  readonly #reader: ResourceReader;
  readonly #shelves = new Map<string, Shelf>();

  constructor(reader: ResourceReader) {
    this.#reader = reader;
  }

  /** The response without its nonce. */
  body(protocol: XdsRequest["kind"], plan: Plan): Buffer {
    const view = typeView(this.#reader, plan.typeUrl);
    // Types that a client made up must not fill the shelves.
    if (!isServed(plan.typeUrl)) return encodeBody(protocol, plan, view);
    const shelf = this.#shelf(`${protocol} ${plan.typeUrl}`, plan.version);
    const key = plan.names === WILDCARD ? WILDCARD : JSON.stringify([plan.names, plan.removed]);
    const known = shelf.bodies.get(key);
    if (known !== undefined) return known;
    const body = encodeBody(protocol, plan, view);
    if (shelf.bodies.size >= KEPT_BODIES) shelf.bodies.clear();
    shelf.bodies.set(key, body);
    return body;
  }

  #shelf(key: string, version: string): Shelf {
    const known = this.#shelves.get(key);
    if (known?.version === version) return known;
    const shelf = { version, bodies: new Map<string, Buffer>() };
    this.#shelves.set(key, shelf);
    return shelf;
  }
}

/** A response without its nonce. */
export function encodeBody(
  protocol: XdsRequest["kind"],
  plan: Pick<Plan, "typeUrl" | "version" | "names" | "removed">,
  view: TypeView,
): Buffer {
  const resources: EncodedResource[] = [];
  for (const name of plan.names === WILDCARD ? view.all().keys() : plan.names) {
    const resource = view.get(name);
    if (resource !== undefined) resources.push(resource);
  }
  return protocol === "sotw"
    ? sotwBody(plan.typeUrl, plan.version, resources)
    : deltaBody(plan.typeUrl, plan.version, resources, plan.removed);
}
