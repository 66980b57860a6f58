import { expect, test, vi } from "vitest";
import { openFsStorage, readSigned } from "./index.ts";

const storage = openFsStorage("/nowhere", { signingKey: "a key" });

test("a signed download is good for its key, by GET and HEAD, until it expires", async () => {
  const { url, method, expiresAt } = await storage.signDownload("a/ü ?#%.png", { expiresInSeconds: 60 });
  expect(method).toBe("GET");
  expect(url).toMatch(/^\/\.tenantry\/files\/a\/%C3%BC%20%3F%23%25\.png\?/);
  const allowed = { method: "GET", key: "a/ü ?#%.png" };
  expect(readSigned("a key", "GET", url)).toEqual(allowed);
  expect(readSigned("a key", "HEAD", url)).toEqual(allowed);
  expect(readSigned("a key", "PUT", url)).toBeUndefined();
  expect(readSigned("another key", "GET", url)).toBeUndefined();
  expect(readSigned("", "GET", url)).toBeUndefined();
  vi.useFakeTimers({ toFake: ["Date"], now: expiresAt });
  expect(readSigned("a key", "GET", url)).toBeUndefined();
  vi.useRealTimers();
});

test("nothing of a signed request can be changed", async () => {
  const upload = { contentType: "image/png", bytes: 10, expiresInSeconds: 60 };
  const { url } = await storage.signUpload("a", upload);
  const allowed = { method: "PUT", key: "a", contentType: "image/png", bytes: 10 };
  expect(readSigned("a key", "PUT", url)).toEqual(allowed);
  for (const [from, to] of [
    ["/files/a?", "/files/b?"],
    ["/files/a?", "/files/a/../b?"],
    ["image", "text"],
    ["bytes=10", "bytes=11"],
    [/expires=\d/, "expires=9"],
    [/signature=.*/, "signature="],
    [/signature=./, "signature=-"],
  ] as const) {
    const changed = url.replace(from, to);
    expect(changed).not.toBe(url);
    expect(readSigned("a key", "PUT", changed), changed).toBeUndefined();
  }
  expect(readSigned("a key", "GET", url)).toBeUndefined();
});

test("what makes no sense isn't signed", async () => {
  const wrong = { name: "InvalidArgument" };
  for (const expiresInSeconds of [0, -1, 1.5, 604_801, Number.NaN]) {
    await expect(storage.signDownload("a", { expiresInSeconds })).rejects.toMatchObject(wrong);
  }
  for (const bytes of [-1, 0.5, Number.NaN]) {
    await expect(storage.signUpload("a", { contentType: "image/png", bytes })).rejects.toMatchObject(wrong);
  }
  await expect(storage.signUpload("a", { contentType: "a\r\nb", bytes: 1 })).rejects.toMatchObject(wrong);
  await expect(storage.signDownload("../a")).rejects.toMatchObject({ code: "unsafe_path" });
  await expect(openFsStorage("/nowhere").signDownload("a")).rejects.toMatchObject(wrong);
});
