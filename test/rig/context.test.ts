import { expect, test } from "vitest";
import { loadWords } from "./context.ts";

test("an image goes into kind and minikube by their own commands", () => {
  expect(loadWords("kind-dev", "x.tar")).toEqual(["kind", "load", "image-archive", "x.tar", "--name", "dev"]);
  expect(loadWords("minikube", "x.tar")).toEqual(["minikube", "image", "load", "x.tar", "--profile", "minikube"]);
});

test("any other cluster needs a registry, and the error says so", () => {
  expect(() => loadWords("production", "x.tar")).toThrow(
    expect.objectContaining({ code: "EK_RIG_UNSUPPORTED", next: expect.stringContaining("registry") }),
  );
});
