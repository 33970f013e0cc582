import { vi } from "vitest";

/** Stand-ins for k6's own modules, which exist only inside k6, with what was asked of them. */
export function k6StandIns() {
  const samples: [metric: string, value: unknown][] = [];
  class Metric {
    readonly name: string;
    constructor(name: string) {
      this.name = name;
    }
    add(value: unknown): void {
      samples.push([this.name, value]);
    }
  }
  const http = {
    get: vi.fn(),
    post: vi.fn(),
    request: vi.fn(),
    file: vi.fn((content: ArrayBuffer, name: string, type: string) => ({ content, name, type })),
  };
  return { samples, http, metrics: { Counter: Metric, Rate: Metric, Trend: Metric } };
}

/** What a script of k6/ exports. */
export interface Script {
  readonly default: () => void;
  readonly options: { readonly scenarios: { readonly load: object } };
  readonly handleSummary: (data: object) => Record<string, string>;
}

/** Loads a script anew, as k6 would with that environment; k6's modules must be mocked. */
export async function loadScript(file: string, env: Readonly<Record<string, string>>): Promise<Script> {
  vi.stubGlobal("__ENV", env);
  vi.stubGlobal("__VU", 1);
  vi.stubGlobal("__ITER", 0);
  vi.stubGlobal("open", (path: string) => new TextEncoder().encode(path).buffer);
  vi.resetModules();
  return (await import(new URL(file, import.meta.url).pathname)) as Script;
}
