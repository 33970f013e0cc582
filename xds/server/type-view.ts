import { type EncodedResource, type ResourceReader, TYPE_URLS, type TypeUrl } from "../resources/resource.ts";

/** The resources of one type as a subscription sees them. */
export interface TypeView {
  readonly typeUrl: string;
  get(name: string): EncodedResource | undefined;
  all(): ReadonlyMap<string, EncodedResource>;
  version(): string;
  /** Not there yet, and may still come. */
  pending(name: string): boolean;
}

const NOTHING: ReadonlyMap<string, EncodedResource> = new Map();
/** The version of a type that we do not serve: there never is anything. */
const NO_VERSION = "0";

const SERVED: ReadonlySet<string> = new Set(Object.values(TYPE_URLS));

export function isServed(typeUrl: string): typeUrl is TypeUrl {
  return SERVED.has(typeUrl);
}

/**
 * Types whose state-of-the-world response is the whole set (what is not in it does not exist), and that a client may
 * subscribe to as a whole by naming nothing in its first request.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol "Grouping Resources into Responses"
 */
export function isWholeSet(typeUrl: string): boolean {
  return typeUrl === TYPE_URLS.cluster || typeUrl === TYPE_URLS.listener;
}

/** A type that is not served looks like one that has no resources. */
export function typeView(reader: ResourceReader, typeUrl: string): TypeView {
  if (!isServed(typeUrl))
    return { typeUrl, get: () => undefined, all: () => NOTHING, version: () => NO_VERSION, pending: () => false };
  return {
    typeUrl,
    get: (name) => reader.get(typeUrl, name),
    all: () => reader.all(typeUrl),
    version: () => reader.version(typeUrl),
    pending: (name) => reader.pending(typeUrl, name),
  };
}

const SHORT_NAMES: Readonly<Record<TypeUrl, string>> = {
  [TYPE_URLS.cluster]: "cds",
  [TYPE_URLS.endpoints]: "eds",
  [TYPE_URLS.listener]: "lds",
  [TYPE_URLS.route]: "rds",
};

/** `cds`, `eds`, `lds`, `rds`; `other` for all else, so that a client cannot make metric labels up. */
export function shortName(typeUrl: string): string {
  return isServed(typeUrl) ? SHORT_NAMES[typeUrl] : "other";
}
