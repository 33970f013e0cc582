/** How a host is spoken to: HTTP/1.1 or HTTP/2, in clear or over TLS. */
export type Scheme = "http" | "https" | "h2c" | "h2";

/** The port that a scheme stands for. */
export const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { http: 80, h2c: 80, https: 443, h2: 443 };

/** One of a service's hosts. */
export interface ProxyHost {
  readonly scheme: Scheme;
  /** An IP address or a host name, in small letters. */
  readonly address: string;
  readonly port: number;
}

/** What is reached under one domain. Its hosts all speak HTTP/1.1 or all HTTP/2. */
export interface ProxyService {
  readonly name: string;
  /** In small letters; `*.example.com` for all names below it, `*` for every other. */
  readonly domain: string;
  readonly hosts: readonly ProxyHost[];
  /** Whether a host gets its own name as `Host`, and the client's as `X-Forwarded-Host`. Else it gets the client's. */
  readonly rewriteHost: boolean;
}

export interface ProxyListen {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** The reverse proxy's configuration, checked and complete. */
export interface ProxyConfig {
  readonly listen: ProxyListen;
  readonly services: readonly ProxyService[];
}

export function isTls(scheme: Scheme): boolean {
  return scheme === "https" || scheme === "h2";
}

export function isHttp2(scheme: Scheme): boolean {
  return scheme === "h2" || scheme === "h2c";
}

/** `[fd00::1]:80`, `example.com:443`. */
export function hostAndPort({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
