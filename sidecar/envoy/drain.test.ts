import { expect, it } from "vitest";
import { activeRequests } from "./drain.ts";

it("counts requests under way over all listeners, the admin server's own left out", () => {
  const stats = [
    "http.admin.downstream_rq_active: 1",
    "http.front-door.downstream_rq_active: 2",
    "http.side.door.downstream_rq_active: 3",
    "http.front-door.downstream_rq_total: 90",
  ].join("\n");
  expect(activeRequests(stats)).toBe(5);
  expect(activeRequests("")).toBe(0);
});
