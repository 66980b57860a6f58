import { expect, test } from "vitest";
import { createS3KeySource, type TemporaryS3Keys } from "./keys.ts";

/** A giver of keys with a clock that is set by hand. */
function giver() {
  const state = { now: 0, asked: [] as number[], away: false };
  const ask = async (lastsSeconds: number): Promise<TemporaryS3Keys> => {
    state.asked.push(lastsSeconds);
    if (state.away) throw new Error("away");
    const accessKeyId = `key ${state.asked.length}`;
    return { accessKeyId, secretAccessKey: "secret", sessionToken: "token", lastsSeconds };
  };
  const source = createS3KeySource(ask, () => state.now);
  const get = async (seconds?: number) => (await source.get(seconds)).accessKeyId;
  return { state, get };
}

test("keys are asked for once by many at once, and kept for half their life", async () => {
  const { state, get } = giver();
  expect(await Promise.all([get(), get(), get()])).toEqual(["key 1", "key 1", "key 1"]);
  state.now = 449_000;
  expect(await get()).toBe("key 1");
  expect(state.asked).toEqual([900]);
});

test("from half their life on new ones are asked for, and the old ones do until those are there", async () => {
  const { state, get } = giver();
  await get();
  state.now = 450_000;
  expect(await get()).toBe("key 1");
  await expect.poll(() => get()).toBe("key 2");
  expect(state.asked).toEqual([900, 900]);
});

test("a giver who is away isn't noticed while the keys last, and isn't asked all the time", async () => {
  const { state, get } = giver();
  await get();
  state.away = true;
  state.now = 500_000;
  expect([await get(), await get(), await get()]).toEqual(["key 1", "key 1", "key 1"]);
  expect(state.asked).toHaveLength(2);
  state.now = 869_000;
  expect(await get()).toBe("key 1");
  state.now = 871_000;
  await expect(get()).rejects.toMatchObject({ name: "StorageUnavailable", cause: { message: "away" } });
  state.away = false;
  expect(await get()).toMatch(/^key /);
});

test("whoever needs keys for longer gets such, and more than an hour is refused", async () => {
  const { state, get } = giver();
  expect(await get(300)).toBe("key 1");
  expect(await get(2_000)).toBe("key 2");
  expect(await get(300)).toBe("key 2");
  expect(state.asked).toEqual([900, 2_030]);
  await expect(get(3_600)).rejects.toMatchObject({ code: "invalid_request" });
  expect(state.asked).toHaveLength(2);
});
