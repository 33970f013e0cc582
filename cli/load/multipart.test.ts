import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { multipart, streamedMultipart } from "./multipart.ts";

async function file(content: string | Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  await writeFile(path, content);
  return path;
}

/** Reads a form as a server would. */
async function parsed(type: string, body: Buffer): Promise<File> {
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  expect([...form.keys()]).toEqual(["file"]);
  return form.get("file") as File;
}

test("is a form with the file as the field `file`", async () => {
  const { type, body } = await multipart(await file("print(1)\r\n--\n"), "my_script.py");
  const field = await parsed(type, body);
  expect(field).toMatchObject({ name: "my_script.py", type: "application/octet-stream" });
  expect(await field.text()).toBe("print(1)\r\n--\n");
});

test("a name with quotes and line ends stays within its quotes", async () => {
  const { body } = await multipart(await file(""), 'a"b\r\nc');
  expect(body.toString()).toContain('name="file"; filename="a%22b%0D%0Ac"\r\n');
});

test("a streamed form is the same, as often as it is read", async () => {
  const content = Buffer.alloc(300_000, "abcdefg");
  const { type, body } = await streamedMultipart(await file(content), "big.py");
  for (let turn = 0; turn < 2; turn += 1) {
    const sent = await buffer(body.open());
    expect(sent.length).toBe(body.length);
    expect(Buffer.from(await (await parsed(type, sent)).arrayBuffer()).equals(content)).toBe(true);
  }
});
