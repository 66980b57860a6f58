import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fieldOf, type Visitor, visitor } from "./browser-like.ts";
import { type RunningSite, runningSite } from "./running-site.ts";

let site: RunningSite;
let count = 0;

beforeAll(async () => {
  site = await runningSite();
});
afterAll(() => site.stop());

async function newSite(change: Parameters<RunningSite["addTenant"]>[1] = {}) {
  count += 1;
  const tenant = await site.addTenant(`site-${count}`, change);
  const anna = visitor(site, tenant);
  await anna.login("anna@example.com");
  return { tenant, anna, stranger: visitor(site, tenant) };
}

const page = {
  title: "About us",
  slug: "about",
  description: "Who we are.",
  body: "We *care*.",
  intent: "publish",
};

/** Creates a page and answers where it is edited. */
async function create(editor: Visitor, change: Partial<typeof page> = {}): Promise<string> {
  const answer = await editor.post("/admin/pages", { ...page, ...change });
  expect(answer.status).toBe(303);
  return answer.headers.location!.split("?")[0]!;
}

describe("log-in", () => {
  test("the right password opens a session that scripts and other hosts can't have", async () => {
    const { tenant, stranger } = await newSite();
    const answer = await stranger.post("/admin/login", {
      email: "a@example.com",
      password: "correct horse battery",
    });
    expect(answer.headers.location).toBe("/admin/pages");
    const [cookie] = answer.headers["set-cookie"]!;
    expect(cookie).toMatch(/^tenantry_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const secure = await site.ask(tenant, "/admin/login", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "x-forwarded-proto": "https" },
      body: "email=a%40example.com&password=correct+horse+battery",
    });
    expect(secure.headers["set-cookie"]![0]).toMatch(/^__Host-tenantry_session=.*; Secure$/);
  });

  test("a wrong password is told kindly, and the address is kept", async () => {
    const { stranger } = await newSite();
    const answer = await stranger.post("/admin/login", { email: "a@example.com", password: "no" });
    expect(answer.status).toBe(401);
    expect(answer.text).toContain("don’t match");
    expect(fieldOf(answer, "email")).toBe("a@example.com");
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("too many attempts are told how long to wait", async () => {
    const { stranger } = await newSite();
    const answer = await stranger.post("/admin/login", { email: "throttled@example.com", password: "x" });
    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBe("7");
    expect(answer.text).toContain("Please wait 7 seconds");
  });

  test("afterwards one goes where one wanted to, and nowhere else", async () => {
    const { stranger } = await newSite();
    const wanted = await stranger.get("/admin/media");
    expect(wanted.headers.location).toBe("/admin/login?next=%2Fadmin%2Fmedia");
    for (const [next, location] of [
      ["/admin/media", "/admin/media"],
      ["//evil.example", "/admin/pages"],
      ["https://evil.example/admin/", "/admin/pages"],
      ["/admin/\\evil.example", "/admin/pages"],
      ["/admin/pages\r\nset-cookie: a=b", "/admin/pages"],
    ]) {
      const answer = await stranger.post("/admin/login", {
        email: "a@b.example",
        password: "correct horse battery",
        next: next!,
      });
      expect(answer.headers.location).toBe(location);
    }
  });

  test("logging out ends the session, not only the cookie", async () => {
    const { anna } = await newSite();
    const answer = await anna.post("/admin/logout", {});
    expect(answer.headers["set-cookie"]![0]).toContain("Max-Age=0");
    expect((await anna.get("/admin/pages")).headers.location).toContain("/admin/login");
  });

  test("a session of one tenant is nothing at another", async () => {
    const { anna } = await newSite();
    const other = await newSite();
    other.stranger.cookie = anna.cookie;
    expect((await anna.get("/admin/pages")).status).toBe(200);
    expect((await other.stranger.get("/admin/pages")).status).toBe(303);
  });
});

describe("who may do what", () => {
  const everything = (edit: string): [string, Record<string, string>][] => [
    ["/admin/pages", page],
    [edit, { ...page, title: "Taken over", version: "1" }],
    [`${edit}/move`, { direction: "up" }],
    [`${edit}/delete`, { version: "1" }],
    ["/admin/media/00000000-0000-4000-8000-000000000000/delete", {}],
  ];

  test("strangers see nothing of the editor and change nothing", async () => {
    const { anna, stranger } = await newSite();
    const edit = await create(anna);
    for (const target of [
      "/admin",
      "/admin/pages",
      "/admin/pages/new",
      edit,
      `${edit}/delete`,
      "/admin/media",
    ]) {
      const { status, text } = await stranger.get(target);
      expect([target, status, text.includes("About us")]).toEqual([target, 303, false]);
    }
    for (const [target, fields] of everything(edit)) {
      expect([303, 401]).toContain((await stranger.post(target, fields)).status);
    }
    expect((await stranger.upload([{ name: "a.txt", content: "a" }])).status).toBe(303);
    expect(fieldOf(await anna.get(edit), "version")).toBe("1");
  });

  test("viewers look at everything and change nothing", async () => {
    const { anna, stranger: viewer } = await newSite();
    const edit = await create(anna);
    await viewer.login("viewer@example.com");
    expect((await viewer.get("/admin/pages")).text).toContain("About us");
    const shown = (await viewer.get(edit)).text;
    expect(shown).toContain('<fieldset class="plain" disabled>');
    expect(shown).not.toContain("Save changes");
    for (const [target, fields] of everything(edit)) {
      expect([target, (await viewer.post(target, fields)).status]).toEqual([target, 403]);
    }
    expect((await viewer.upload([{ name: "a.txt", content: "a" }])).status).toBe(403);
    expect(fieldOf(await anna.get(edit), "version")).toBe("1");
  });

  test("editors edit", async () => {
    const { stranger: editor } = await newSite();
    await editor.login("editor@example.com");
    await create(editor);
  });

  test("what another site makes a browser send changes nothing", async () => {
    const { anna } = await newSite();
    const edit = await create(anna);
    const foreign: Record<string, string>[] = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "", origin: "https://evil.example" },
    ];
    for (const headers of foreign) {
      for (const [target, fields] of everything(edit)) {
        expect([target, (await anna.post(target, fields, headers)).status]).toEqual([target, 403]);
      }
      const upload = await anna.upload([{ name: "a.txt", content: "a" }], { headers });
      expect(upload.status).toBe(403);
    }
    expect((await anna.get("/admin/media")).text).toContain("No files yet");
    expect(fieldOf(await anna.get(edit), "version")).toBe("1");
  });

  test("a browser that says nothing of origins proves itself by the form's token", async () => {
    const { tenant, anna } = await newSite();
    const form = await anna.get("/admin/pages/new");
    const send = (fields: Record<string, string>) =>
      site.ask(tenant, "/admin/pages", {
        method: "POST",
        headers: { cookie: anna.cookie, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(fields).toString(),
      });
    expect((await send(page)).status).toBe(403);
    expect((await send({ ...page, csrf: "x".repeat(43) })).status).toBe(403);
    expect((await send({ ...page, csrf: fieldOf(form, "csrf") })).status).toBe(303);
  });
});

describe("writing", () => {
  test("a draft is seen by editors alone, until it is published; unpublished, it is gone again", async () => {
    const { anna, stranger } = await newSite();
    const edit = await create(anna, { intent: "keep" });
    expect((await stranger.get("/about")).status).toBe(404);
    const save = (intent: string, version: number) =>
      anna.post(edit, { ...page, intent, version: String(version), published: String(version > 1) });
    expect((await save("publish", 1)).headers.location).toBe(`${edit}?done=published`);
    expect((await stranger.get("/about")).text).toContain("<p>We <em>care</em>.</p>");
    expect((await save("keep", 2)).headers.location).toBe(`${edit}?done=saved`);
    expect((await stranger.get("/about")).status).toBe(200);
    expect((await save("unpublish", 3)).headers.location).toBe(`${edit}?done=unpublished`);
    expect((await stranger.get("/about")).status).toBe(404);
  });

  test("what was changed is live at once, though pages are cached", async () => {
    const { anna, stranger } = await newSite();
    const edit = await create(anna);
    expect((await stranger.get("/about")).text).toContain("care");
    await anna.post(edit, { ...page, body: "We *changed*.", version: "1" });
    expect((await stranger.get("/about")).text).toContain("<em>changed</em>");
  });

  test("mistakes are named where they are, and everything typed comes back", async () => {
    const { anna } = await newSite();
    const body = '\n<textarea>&amp; "text" </textarea>';
    const answer = await anna.post("/admin/pages", {
      title: " ",
      slug: "No good!",
      description: "d".repeat(301),
      body,
    });
    expect(answer.status).toBe(422);
    for (const field of ["title", "slug", "description"]) {
      expect(answer.text).toContain(`<a href="#${field}">`);
      expect(answer.text).toContain(`id="${field}-mistake"`);
    }
    expect(fieldOf(answer, "slug")).toBe("no good!");
    expect(answer.text).toContain(
      "\n\n&lt;textarea&gt;&amp;amp; &quot;text&quot; &lt;/textarea&gt;</textarea>",
    );
  });

  test("an address that another page has is refused; without one, it is made of the title", async () => {
    const { anna } = await newSite();
    await create(anna);
    const taken = await anna.post("/admin/pages", page);
    expect(taken.status).toBe(422);
    expect(taken.text).toContain("Another page has this address");
    expect(fieldOf(await anna.get(await create(anna, { slug: "", title: "Über uns" })), "slug")).toBe(
      "uber-uns",
    );
  });

  test("whoever saves second is told, keeps all they wrote, and sees what the first saved", async () => {
    const { anna, stranger: ben } = await newSite();
    await ben.login("ben@example.com");
    const edit = await create(anna);
    await ben.post(edit, { ...page, body: "Ben's text", version: "1" });
    const late = await anna.post(edit, { ...page, body: "Anna's text", version: "1" });
    expect(late.status).toBe(409);
    expect(late.text).toContain("ben@example.com changed this page while you were writing");
    expect(late.text).toContain("Ben&#39;s text</textarea>");
    expect(late.text).toContain("Anna&#39;s text</textarea>");
    expect(fieldOf(late, "version")).toBe("2");
    expect((await anna.post(edit, { ...page, body: "Both texts", version: "2" })).status).toBe(303);
  });

  test("of many who save at once exactly one succeeds", async () => {
    const { anna } = await newSite();
    const edit = await create(anna);
    const saves = Array.from({ length: 8 }, (_, index) =>
      anna.post(edit, { ...page, title: `Title ${index}`, version: "1" }),
    );
    const statuses = (await Promise.all(saves)).map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array.from({ length: 7 }, () => 409)]);
  });

  test("a page that was deleted meanwhile isn't lost for who was writing it", async () => {
    const { anna } = await newSite();
    const edit = await create(anna);
    await anna.post(`${edit}/delete`, { version: "1" });
    const late = await anna.post(edit, { ...page, body: "Much work", version: "1" });
    expect(late.status).toBe(409);
    expect(late.text).toContain("Much work</textarea>");
    expect(late.text).toContain('action="/admin/pages"');
  });

  test("a page that was changed after one looked isn't deleted", async () => {
    const { anna, stranger } = await newSite();
    const edit = await create(anna);
    await anna.post(edit, { ...page, body: "Newer", version: "1" });
    expect((await anna.post(`${edit}/delete`, { version: "1" })).status).toBe(409);
    expect((await stranger.get("/about")).status).toBe(200);
    expect((await anna.post(`${edit}/delete`, { version: "2" })).status).toBe(303);
    expect((await stranger.get("/about")).status).toBe(404);
  });

  test("whoever was logged out meanwhile gets the text back", async () => {
    const { anna, stranger } = await newSite();
    const edit = await create(anna);
    for (const target of ["/admin/pages", edit]) {
      const answer = await stranger.post(target, { ...page, body: "An hour of work", version: "1" });
      expect(answer.status).toBe(401);
      expect(answer.text).toContain("An hour of work</textarea>");
      expect(answer.text).toContain("You were logged out");
    }
  });

  test("the preview shows the text as it would be, and saves nothing", async () => {
    const { anna } = await newSite();
    const body = "*Hello* <script>alert(1)</script>";
    const whole = await anna.post("/admin/pages/preview", { ...page, body });
    expect(whole.text).toContain("<p><em>Hello</em> </p>");
    expect(whole.text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;</textarea>");
    const part = await anna.post("/admin/pages/preview", { body }, { accept: "text/x-fragment" });
    expect(part.text).toBe("<p><em>Hello</em> </p>\n");
    expect((await anna.get("/admin/pages")).text).toContain("0 of 100 pages");
  });

  test("a text that can't be formatted is shown as it was written, and the editor is told", async () => {
    const { anna, stranger } = await newSite();
    const body = `${"> ".repeat(20_000)}<b>deep</b>`;
    await create(anna, { body });
    const shown = await stranger.get("/about");
    expect(shown.status).toBe(200);
    expect(shown.text).toContain('<p class="as-written">&gt; &gt; ');
    expect(shown.text).toContain("&lt;b&gt;deep&lt;/b&gt;</p>");
    const preview = await anna.post("/admin/pages/preview", { ...page, body });
    expect(preview.text).toContain("This text is too intricate to be formatted");
  });

  test("what no form sends is refused or ignored, and breaks nothing", async () => {
    const { anna } = await newSite();
    const edit = await create(anna, { intent: "toString" });
    expect(fieldOf(await anna.get(edit), "published")).toBe("false");
    for (const version of ["", "x", "-1", "1.5", "1e99", "99999999999"]) {
      expect((await anna.post(edit, { ...page, version })).status).toBe(409);
      expect((await anna.post(`${edit}/delete`, { version })).status).toBe(409);
    }
    for (const id of ["-".repeat(36), "x", "%00", "00000000-0000-4000-8000-000000000000"]) {
      expect((await anna.get(`/admin/pages/${id}`)).status).toBe(404);
      expect((await anna.get(`/admin/pages/${id}/delete`)).status).toBe(404);
      expect([303, 404]).toContain((await anna.post(`/admin/pages/${id}/move`, { direction: "up" })).status);
      expect([303, 404]).toContain((await anna.post(`/admin/media/${id}/delete`, {})).status);
    }
    for (const part of ["0", "-1", "x", "1e9", "999999999999"]) {
      expect((await anna.get(`/admin/pages?part=${part}`)).status).toBe(200);
      expect((await anna.get(`/admin/media?part=${part}`)).status).toBe(200);
    }
  });

  test("controls and marks that reverse what follows don't get into titles, nor NUL into texts", async () => {
    const { anna } = await newSite();
    const edit = await create(anna, {
      title: "Safe\u202Etxt\u0000.exe\r\nX",
      slug: "safe",
      body: "a\u0000b\r\nc",
    });
    const answer = await anna.get(edit);
    expect(fieldOf(answer, "title")).toBe("Safetxt.exe X");
    expect(answer.text).toContain("\nab\nc</textarea>");
  });
});

describe("order", () => {
  async function threePages() {
    const made = await newSite();
    const edits: string[] = [];
    for (const slug of ["one", "two", "three"]) edits.push(await create(made.anna, { slug, title: slug }));
    const order = async () =>
      [...(await made.stranger.get("/one")).text.matchAll(/<li><a href="\/(\w+)"/g)].map(([, slug]) => slug);
    return { ...made, edits, order };
  }

  test("pages move up and down; at the ends they stay", async () => {
    const { anna, edits, order } = await threePages();
    expect(await order()).toEqual(["one", "two", "three"]);
    await anna.post(`${edits[2]}/move`, { direction: "up" });
    expect(await order()).toEqual(["one", "three", "two"]);
    await anna.post(`${edits[0]}/move`, { direction: "down" });
    expect(await order()).toEqual(["three", "one", "two"]);
    await anna.post(`${edits[2]}/move`, { direction: "up" });
    await anna.post(`${edits[1]}/move`, { direction: "down" });
    expect(await order()).toEqual(["three", "one", "two"]);
  });

  test("many moves at once leave an order in which no page is missing or twice", async () => {
    const { anna, edits, order } = await threePages();
    const moves = Array.from({ length: 6 }, (_, index) =>
      anna.post(`${edits[index % 3]}/move`, { direction: index % 2 ? "up" : "down" }),
    );
    for (const { status } of await Promise.all(moves)) expect(status).toBe(303);
    expect((await order()).sort()).toEqual(["one", "three", "two"]);
  });
});

describe("limits", () => {
  test("a site has as many pages as it may, also when they come at once, and the text of one more isn't lost", async () => {
    const { anna } = await newSite({ settings: { maxPages: 2 } });
    const answers = await Promise.all(
      ["a", "b", "c", "d", "e", "f", "g", "h"].map((slug) =>
        anna.post("/admin/pages", { ...page, slug, body: "My text" }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      303,
      303,
      ...Array.from({ length: 6 }, () => 409),
    ]);
    const refused = answers.find(({ status }) => status === 409)!;
    expect(refused.text).toContain("This site may have 2 pages, and has them all");
    expect(refused.text).toContain("My text</textarea>");
  });

  test("a text that is too long is refused by name, a form that is too large at all", async () => {
    const { anna } = await newSite();
    const long = await anna.post("/admin/pages", { ...page, body: "x".repeat(200_001) });
    expect(long.status).toBe(422);
    expect(long.text).toContain("The text has 200,001 characters, and may have 200,000.");
    expect((await anna.post("/admin/pages", { ...page, body: "x".repeat(2_100_000) })).status).toBe(413);
  });

  test("what is refused before it was read doesn't cut off the next request on its connection", async () => {
    const { tenant, anna } = await newSite();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { cookie: anna.cookie, "content-type": "application/x-www-form-urlencoded" };
    for (const [characters, from, status] of [
      [2_100_000, "same-origin", 413],
      [300_000, "cross-site", 403],
    ] as const) {
      const body = new URLSearchParams({ ...page, body: "x".repeat(characters) }).toString();
      const sent = { agent, method: "POST", body, headers: { ...headers, "sec-fetch-site": from } };
      expect((await site.ask(tenant, "/admin/pages", sent)).status).toBe(status);
      expect((await site.ask(tenant, "/admin/pages", { agent, headers })).status).toBe(200);
    }
    agent.destroy();
  });
});
