import { expect, test } from "vitest";
import { Listeners } from "./listeners.ts";

test("tells everyone, until they leave", () => {
  const listeners = new Listeners<[name: string]>();
  const heard: string[] = [];
  const leave = listeners.subscribe((name) => heard.push(`a ${name}`));
  listeners.subscribe((name) => heard.push(`b ${name}`));
  listeners.tell("1");
  leave();
  listeners.tell("2");
  expect(heard).toEqual(["a 1", "b 1", "b 2"]);
  expect(listeners.size).toBe(1);
  listeners.clear();
  listeners.tell("3");
  expect(heard).toHaveLength(3);
});

test("one that subscribes anew while it is told is told once", () => {
  const listeners = new Listeners();
  let told = 0;
  let leave = listeners.subscribe(again);
  function again(): void {
    told += 1;
    leave();
    leave = listeners.subscribe(() => again());
  }
  listeners.tell();
  expect(told).toBe(1);
  expect(listeners.size).toBe(1);
});
