import { expect, it } from "vitest";
import { underWay } from "./drain.ts";

it("counts requests and connections over all listeners, the admin server's own left out", () => {
  const stats = [
    "http.admin.downstream_rq_active: 1",
    "http.admin.downstream_cx_active: 1",
    "http.front-door.downstream_rq_active: 2",
    "http.front-door.downstream_cx_active: 7",
    "http.side.door.downstream_rq_active: 3",
    "http.front-door.downstream_rq_total: 90",
    "listener.0.0.0.0_8080.downstream_cx_active: 7",
  ].join("\n");
  expect(underWay(stats)).toEqual({ requests: 5, connections: 7 });
  expect(underWay("")).toEqual({ requests: 0, connections: 0 });
});
