import { describe, expect, it } from "vitest";
import { Gate, type Place } from "./gate.ts";

const never = new AbortController().signal;

function enter(gate: Gate): Place {
  const place = gate.enter();
  if (place === undefined) throw new Error("no place");
  return place;
}

describe("Gate", () => {
  it("has places for those that run and those that wait, and no more", () => {
    const gate = new Gate(1, 1);
    const first = enter(gate);
    enter(gate);
    expect(gate.isFull).toBe(true);
    expect(gate.enter()).toBeUndefined();
    first.leave();
    expect(gate.isFull).toBe(false);
    expect(gate.enter()).toBeDefined();
  });

  it("gives turns in the order in which they were asked for", async () => {
    const gate = new Gate(1, 2);
    const order: string[] = [];
    const places = ["a", "b", "c"].map((name) => ({ name, place: enter(gate) }));
    const turns = places.map(async ({ name, place }) => {
      await place.turn(never);
      order.push(name);
      expect(gate.running).toBe(1);
      place.leave();
    });
    await Promise.all(turns);
    expect(order).toEqual(["a", "b", "c"]);
    expect([gate.running, gate.queued]).toEqual([0, 0]);
  });

  it("passes over one that went away while it waited", async () => {
    const gate = new Gate(1, 2);
    const running = enter(gate);
    await running.turn(never);
    const gone = new AbortController();
    const leaver = enter(gate);
    const left = leaver.turn(gone.signal);
    const last = enter(gate);
    const turn = last.turn(never);
    expect(gate.queued).toBe(2);
    gone.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    leaver.leave();
    running.leave();
    await turn;
    expect([gate.running, gate.queued]).toEqual([1, 0]);
  });

  it("does not count a place twice when it is left twice", async () => {
    const gate = new Gate(2, 0);
    const place = enter(gate);
    enter(gate);
    await place.turn(never);
    place.leave();
    place.leave();
    expect([gate.running, gate.queued]).toEqual([0, 1]);
  });

  it("lets one in beyond its places, which gets its turn and makes room for nobody", async () => {
    const gate = new Gate(1, 0);
    const first = enter(gate);
    await first.turn(never);
    const beyond = gate.enterBeyond();
    const turn = beyond.turn(never);
    expect([gate.running, gate.queued]).toEqual([1, 1]);
    first.leave();
    await turn;
    expect(gate.enter()).toBeUndefined();
    beyond.leave();
    expect(gate.enter()).toBeDefined();
  });
});
