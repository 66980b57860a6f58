import { expect, test } from "vitest";
import { partsOf } from "./parts.ts";

async function lengthsOf(sizes: readonly number[], maxBytes = Number.POSITIVE_INFINITY): Promise<number[]> {
  const lengths: number[] = [];
  async function* body() {
    for (const size of sizes) yield Buffer.alloc(size);
  }
  for await (const part of partsOf("a", body(), { maxBytes })) lengths.push(part.length);
  return lengths;
}

const part = 8 * 2 ** 20;

test("a body is cut into parts of 8 MiB however its chunks lie, the last one shorter", async () => {
  expect(await lengthsOf([])).toEqual([0]);
  expect(await lengthsOf([0, 0])).toEqual([0]);
  expect(await lengthsOf([5, 6])).toEqual([11]);
  expect(await lengthsOf([part])).toEqual([part]);
  expect(await lengthsOf([part, part])).toEqual([part, part]);
  expect(await lengthsOf([part - 1, 2])).toEqual([part, 1]);
  expect(await lengthsOf([3 * part + 7])).toEqual([part, part, part, 7]);
});

test("the limit counts exactly, and nothing beyond it is passed on", async () => {
  expect(await lengthsOf([3, 4], 7)).toEqual([7]);
  await expect(lengthsOf([3, 5], 7)).rejects.toMatchObject({ name: "ObjectTooLarge", maxBytes: 7 });
});

test("a sender who uses its buffer again doesn't change what it sent before", async () => {
  const buffer = Buffer.from("first");
  async function* body() {
    yield buffer;
    buffer.write("other");
    yield buffer;
  }
  const parts: string[] = [];
  for await (const each of partsOf("a", body(), { maxBytes: 100 })) parts.push(each.toString());
  expect(parts).toEqual(["firstother"]);
});
