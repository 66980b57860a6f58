import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { multipart, type Visitor, visitor } from "./browser-like.ts";
import { type Environment, type RunningSite, runningSite } from "./running-site.ts";
import { gif, jpeg, pdf, png } from "./sample-files.ts";

let site: RunningSite;
let count = 0;

beforeAll(async () => {
  site = await runningSite();
});
afterAll(() => site.stop());

async function newSite(settings: Record<string, unknown> = {}) {
  count += 1;
  const tenant = await site.addTenant(`media-${count}`, { settings });
  const anna = visitor(site, tenant);
  await anna.login("anna@example.com");
  return { tenant, anna, stranger: visitor(site, tenant) };
}

/** Uploads one file and answers where it is read. */
async function upload(editor: Visitor, name: string, content: Uint8Array | string): Promise<string> {
  const answer = await editor.upload([{ name, content }]);
  expect([answer.status, answer.headers.location]).toEqual([303, "/admin/media?done=uploaded"]);
  return firstPath(editor);
}

async function firstPath(editor: Visitor): Promise<string> {
  return (await editor.get("/admin/media")).text.match(/class="thumb" href="([^"]*)"/)![1]!;
}

/** What lies in the tenant's storage, records of the storage itself aside. */
async function storedFiles(tenant: Environment): Promise<string[]> {
  if (tenant.storage?.driver !== "fs") throw new Error("This looks into directories.");
  const names = await readdir(tenant.storage.directory, { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return names
    .filter((entry) => entry.isFile() && !path.join(entry.parentPath, entry.name).includes(".tenantry"))
    .map((entry) => entry.name);
}

describe("what was uploaded", () => {
  test("is served to everybody as what it is, whatever its sender said, and for ever", async () => {
    const { anna, stranger } = await newSite();
    const address = await upload(anna, "Our shop.png", png);
    expect(address).toMatch(/^\/media\/[0-9a-f-]{36}\/Our%20shop\.png$/);
    const { status, headers, body } = await stranger.get(address);
    expect(status).toBe(200);
    expect(body.equals(png)).toBe(true);
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "content-length": String(png.length),
      "content-disposition": "inline; filename*=UTF-8''Our%20shop.png",
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
    });
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';.*; sandbox$/);
  });

  test("can be put on a page by the Markdown that the library shows", async () => {
    const { anna, stranger } = await newSite();
    const address = await upload(anna, "our_shop [1].png", png);
    const library = (await anna.get("/admin/media")).text;
    const snippet = library.match(/class="snippet" readonly value="([^"]*)"/)![1]!;
    await anna.post("/admin/pages", { title: "Shop", body: snippet, intent: "publish" });
    expect((await stranger.get("/shop")).text).toContain(
      `<img src="${address}" alt="our shop [1]" loading="lazy" />`,
    );
  });

  test("isn't sent again to who has it", async () => {
    const { anna, stranger } = await newSite();
    const address = await upload(anna, "a.gif", gif);
    const { etag } = (await stranger.get(address)).headers;
    const again = await stranger.get(address, { "if-none-match": `"other", ${etag}` });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect((await stranger.get(address, { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("is sent in parts", async () => {
    const { anna, stranger } = await newSite();
    const address = await upload(anna, "a.pdf", pdf);
    const { etag } = (await stranger.get(address)).headers;
    const last = pdf.length - 1;
    const cases: [string, Record<string, string>, number, Buffer, string | undefined][] = [
      ["bytes=0-3", {}, 206, pdf.subarray(0, 4), `bytes 0-3/${pdf.length}`],
      ["bytes=-5", {}, 206, pdf.subarray(-5), `bytes ${last - 4}-${last}/${pdf.length}`],
      ["bytes=4-", {}, 206, pdf.subarray(4), `bytes 4-${last}/${pdf.length}`],
      ["bytes=4-99999999", {}, 206, pdf.subarray(4), `bytes 4-${last}/${pdf.length}`],
      ["bytes=0-3", { "if-range": etag! }, 206, pdf.subarray(0, 4), `bytes 0-3/${pdf.length}`],
      ["bytes=0-3", { "if-range": '"other"' }, 200, pdf, undefined],
      ["bytes=3-0", {}, 200, pdf, undefined],
      ["bytes=0-1,3-4", {}, 200, pdf, undefined],
      ["lines=0-1", {}, 200, pdf, undefined],
      ["bytes=99999999-", {}, 416, Buffer.alloc(0), `bytes */${pdf.length}`],
    ];
    for (const [range, headers, status, body, contentRange] of cases) {
      const answer = await stranger.get(address, { range, ...headers });
      expect([range, answer.status, answer.headers["content-range"]]).toEqual([range, status, contentRange]);
      expect(answer.body.equals(body)).toBe(true);
    }
  });

  test("HEAD tells its size and sends nothing", async () => {
    const { tenant, anna } = await newSite();
    const address = await upload(anna, "a.png", png);
    const answer = await site.ask(tenant, address, { method: "HEAD" });
    expect([answer.status, answer.headers["content-length"], answer.body.length]).toEqual([
      200,
      String(png.length),
      0,
    ]);
  });

  test("is found under its name alone, and only at its own tenant", async () => {
    const { anna, stranger } = await newSite();
    const other = await newSite();
    const address = await upload(anna, "a.png", png);
    expect((await stranger.get(address.replace("a.png", "b.html"))).headers.location).toBe(address);
    expect((await other.stranger.get(address)).status).toBe(404);
    expect((await other.anna.post(`/admin/media/${address.split("/")[2]}/delete`, {})).status).toBe(303);
    expect((await stranger.get(address)).status).toBe(200);
  });

  test("is gone when it is deleted", async () => {
    const { tenant, anna, stranger } = await newSite();
    const address = await upload(anna, "a.png", png);
    expect(await storedFiles(tenant)).toHaveLength(1);
    const confirm = `/admin/media/${address.split("/")[2]}/delete`;
    expect((await anna.get(confirm)).text).toContain("Delete “a.png”?");
    expect((await anna.post(confirm, {})).headers.location).toBe("/admin/media?done=removed");
    expect((await stranger.get(address)).status).toBe(404);
    expect(await storedFiles(tenant)).toEqual([]);
  });
});

describe("what could harm", () => {
  const scripts: [string, string | Uint8Array][] = [
    ["page.html", "<!doctype html><script>alert(document.cookie)</script>"],
    ["picture.png", "<html><script>alert(1)</script></html>"],
    ["code.js", "alert(1)"],
    ["style.css", "body{display:none}"],
    [
      "data.xml",
      '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    ],
    ["mail.mht", "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>"],
    ["bom.html", "\ufeff<script>alert(1)</script>"],
    ["utf16.html", Buffer.from("\ufeff<script>alert(1)</script>", "utf16le")],
  ];

  test.each(scripts)("%s is only ever downloaded", async (name, content) => {
    const { anna, stranger } = await newSite();
    const { headers } = await stranger.get(await upload(anna, name, content));
    expect(headers["content-disposition"]).toMatch(/^attachment; /);
    expect(headers["content-type"]).not.toMatch(/html|xml|svg|script|css|text/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toMatch(/sandbox$/);
  });

  test("SVG can be a picture on a page, and never a document of its own", async () => {
    const { anna, stranger } = await newSite();
    const svg =
      '<?xml version="1.0"?>\n<!-- logo -->\n<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>';
    const { headers } = await stranger.get(await upload(anna, "logo.svg", svg));
    expect(headers["content-type"]).toBe("image/svg+xml");
    expect(headers["content-disposition"]).toBe("attachment; filename*=UTF-8''logo.svg");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';.*sandbox$/);
  });

  test("a picture that is also a page is a picture, and is called one", async () => {
    const { anna, stranger } = await newSite();
    const both = Buffer.concat([gif, Buffer.from("<script>alert(1)</script>")]);
    const address = await upload(anna, "both.html", both);
    expect(address).toMatch(/both\.html\.gif$/);
    expect((await stranger.get(address)).headers["content-type"]).toBe("image/gif");
  });

  test("names that try to leave their place, or to look like others, are only names", async () => {
    const { tenant, anna } = await newSite();
    const names: [string, string][] = [
      ["../../../etc/passwd", "passwd"],
      ["..\\\\..\\\\boot.ini", "boot.ini"],
      ["/etc/shadow", "shadow"],
      ["..", "file"],
      [".htaccess", "htaccess"],
      ["a\u202Egnp.exe", "a gnp.exe"],
      ["<img src=x onerror=alert(1)>.txt", "img src=x onerror=alert(1).txt"],
      ["x%22%3E%00.txt", "x%22%3E%00.txt"],
      [`${"long".repeat(100)}.txt`, `${"long".repeat(29)}.txt`],
      ["日本語 テキスト.txt", "日本語 テキスト.txt"],
      ["%2e%2e%2f.txt", "%2e%2e%2f.txt"],
    ];
    for (const [given, shown] of names) {
      const address = await upload(anna, given, `content of ${given}`);
      expect(decodeURIComponent(address.split("/")[3]!)).toBe(shown);
      expect((await anna.get(address)).text).toBe(`content of ${given}`);
    }
    expect(await storedFiles(tenant)).toHaveLength(names.length);
    const library = (await anna.get("/admin/media")).text;
    expect(library).not.toContain("<img src=x");
  });

  test("paths that try to leave the media are not found", async () => {
    const { anna, stranger } = await newSite();
    const id = (await upload(anna, "a.png", png)).split("/")[2];
    const targets = [
      `/media/${id}`,
      `/media/${id}/`,
      "/media/..%2f..%2fetc%2fpasswd/x",
      "/media/%2e%2e/%2e%2e/etc/passwd",
      `/media/${id}%00/a.png`,
      `/media/${id}/a.png/..`,
      "/media/00000000-0000-4000-8000-000000000000/a.png",
    ];
    for (const target of targets)
      expect([target, (await stranger.get(target)).status]).toEqual([target, 404]);
  });
});

describe("limits", () => {
  test("a file that is too large is refused while it comes, and leaves nothing; the others of the form are kept", async () => {
    const { tenant, anna } = await newSite({ "app.maxUploadSize": "50KB" });
    const answer = await anna.upload([
      { name: "small.jpg", content: jpeg },
      { name: "large.bin", content: Buffer.alloc(300_000, 7) },
      { name: "another.png", content: png },
    ]);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain("2 uploaded, but not everything");
    expect(answer.text).toContain("“large.bin” is larger than 50 KB");
    expect(await storedFiles(tenant)).toHaveLength(2);
  });

  test("a site stores as much as it may, also when uploads come at once", async () => {
    const { tenant, anna } = await newSite({ storageQuota: "1MB" });
    const content = Buffer.alloc(400_000, 7);
    const answers = await Promise.all(
      ["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => anna.upload([{ name, content }])),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      303,
      303,
      ...Array.from({ length: 6 }, () => 422),
    ]);
    const refused = answers.find(({ status }) => status === 422)!;
    expect(refused.text).toContain("this site may store 1 MB");
    expect(await storedFiles(tenant)).toHaveLength(2);
    expect((await anna.get("/admin/media")).text).toContain("800 KB of 1 MB used");
  });

  test("no more than twenty files are taken at once, and the others are named", async () => {
    const { anna } = await newSite();
    const files = Array.from({ length: 22 }, (_, index) => ({ name: `${index}.txt`, content: "text" }));
    const answer = await anna.upload(files);
    expect(answer.text).toContain("20 uploaded, but not everything");
    expect(answer.text).toContain("Only the first 20 files were taken");
  });

  test("nothing, an empty file, and what is no form are answered kindly", async () => {
    const { anna } = await newSite();
    expect((await anna.upload([{ name: "", content: "" }])).text).toContain("Choose a file first.");
    expect((await anna.upload([])).text).toContain("Choose a file first.");
    expect((await anna.upload([{ name: "empty.txt", content: "" }])).text).toContain("“empty.txt” is empty.");
    for (const contentType of ["multipart/form-data", "text/plain", "multipart/form-data; boundary=other"]) {
      const answer = await anna.upload([], { body: "rubbish", headers: { "content-type": contentType } });
      expect([contentType, answer.status]).toEqual([contentType, 422]);
    }
  });
});

describe("an upload that breaks off", () => {
  test("in the middle of the form leaves nothing but what had arrived", async () => {
    const { tenant, anna } = await newSite();
    const { body } = multipart([
      { name: "whole.png", content: png },
      { name: "half.bin", content: Buffer.alloc(100_000, 7) },
    ]);
    const answer = await anna.upload([], {
      body: body.subarray(0, -50_000),
      headers: { "content-type": "multipart/form-data; boundary=----boundary-of-the-test" },
    });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain("The upload broke off");
    expect(await storedFiles(tenant)).toHaveLength(1);
    expect((await anna.get("/admin/media")).text).not.toContain("half.bin");
  });

  test("because the sender went away leaves neither a file nor room taken", async () => {
    const { tenant, anna } = await newSite();
    const { body } = multipart([{ name: "half.bin", content: Buffer.alloc(400_000, 7) }]);
    async function* half(): AsyncGenerator<Uint8Array> {
      yield body.subarray(0, 200_000);
      await expect.poll(() => reservations(tenant)).toBe(1);
      throw new Error("The sender went away.");
    }
    await expect(
      anna.upload([], {
        body: half(),
        headers: { "content-type": "multipart/form-data; boundary=----boundary-of-the-test" },
      }),
    ).rejects.toThrow("went away");
    await expect.poll(() => reservations(tenant)).toBe(0);
    expect(await storedFiles(tenant)).toEqual([]);
  });

  test("and left its reservation behind, as a killed process does, is cleared by a later one", async () => {
    const { tenant, anna } = await newSite();
    await site.tenantry.run(tenant.id, async () => {
      await site.tenantry.db.query(
        `insert into media (id, name, content_type, size, created_by, created_at)
         values ('00000000-0000-4000-8000-000000000001', 'lost', 'image/png', 999999999, 'x', now() - interval '7 hours')`,
      );
      await site.tenantry.storage.put("media/00000000-0000-4000-8000-000000000001", "half");
    });
    await upload(anna, "a.png", png);
    expect(await reservations(tenant)).toBe(0);
    expect(await storedFiles(tenant)).toHaveLength(1);
  });

  async function reservations(tenant: Environment): Promise<number> {
    const { rows } = await site.tenantry.run(tenant.id, () =>
      site.tenantry.db.query("select id from media where not stored"),
    );
    return rows.length;
  }
});

test("a large file passes through without being held in memory", async () => {
  const { anna, stranger } = await newSite({ "app.maxUploadSize": "300MB" });
  const megabyte = Buffer.alloc(1e6, 7);
  const { body } = multipart([{ name: "large.bin", content: "CONTENT" }]);
  const [before, after] = body.toString().split("CONTENT");
  let highest = 0;
  async function* large(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(before!);
    for (let index = 0; index < 200; index++) {
      yield megabyte;
      highest = Math.max(highest, process.memoryUsage().arrayBuffers);
    }
    yield Buffer.from(after!);
  }
  const start = process.memoryUsage().arrayBuffers;
  const contentType = "multipart/form-data; boundary=----boundary-of-the-test";
  const answer = await anna.upload([], { body: large(), headers: { "content-type": contentType } });
  expect(answer.status).toBe(303);
  // The client of this test runs in the same process, and holds some of it too.
  expect(highest - start).toBeLessThan(60e6);
  const address = await firstPath(anna);
  expect(
    (await stranger.get(address, { range: "bytes=199999998-" })).body.equals(megabyte.subarray(0, 2)),
  ).toBe(true);
});
