import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningSite, runningSite } from "./running-site.ts";

let site: RunningSite;
type Tenant = Awaited<ReturnType<RunningSite["addTenant"]>>;

beforeAll(async () => {
  site = await runningSite();
});
afterAll(() => site.stop());

async function addPage(tenant: Tenant, slug: string, change: Record<string, unknown> = {}): Promise<void> {
  const page = { title: slug, description: "", body: "", published: true, position: 1, ...change };
  await site.tenantry.run(tenant.id, () =>
    site.tenantry.db.query(
      `insert into pages (id, slug, title, description, body, published, position, updated_by)
       values ($1, $2, $3, $4, $5, $6, $7, 'test')`,
      [randomUUID(), slug, page.title, page.description, page.body, page.published, page.position],
    ),
  );
}

describe("a tenant without pages", () => {
  test("has a home page with its name as title and heading, and a way to log in", async () => {
    const acme = await site.addTenant("acme", { tenantName: "Acme <Ltd> & Söhne" });
    const { status, text, headers } = await site.ask(acme, "/");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=UTF-8");
    expect(text).toContain("<title>Acme &lt;Ltd&gt; &amp; Söhne</title>");
    expect(text).toContain("<h1>Acme &lt;Ltd&gt; &amp; Söhne</h1>");
    expect(text).toContain('href="/admin"');
    expect(text).not.toContain("<Ltd>");
  });

  test("speaks the tenant's language, and says so where it can't", async () => {
    const german = await site.addTenant("german", { language: "de-CH" });
    expect((await site.ask(german, "/")).text).toMatch(/<html lang="de-CH" dir="ltr"[\s\S]*Willkommen/);
    const persian = await site.addTenant("persian", { language: "fa" });
    const { text } = await site.ask(persian, "/");
    expect(text).toContain('<html lang="fa" dir="rtl"');
    expect(text).toContain('<div lang="en" dir="ltr">\n<p class="eyebrow">Welcome');
  });

  test("answers 404 with a page of its own to whatever isn't there", async () => {
    const empty = await site.addTenant("empty");
    for (const target of ["/nothing", "/a/b/c", "/%00", "/%ff", "/..%2f..%2fetc%2fpasswd", "/media/x/y"]) {
      const { status, text } = await site.ask(empty, target);
      expect([target, status]).toEqual([target, 404]);
      expect(text).toContain("The empty company");
    }
  });
});

describe("pages", () => {
  test("the page with the home slug stands at /, others at their own address, in the navigation's order", async () => {
    const shop = await site.addTenant("shop");
    await addPage(shop, "about", { title: "About us", position: 3, body: "We *care*." });
    await addPage(shop, "home", { title: "Hello", position: 1, description: "A shop." });
    await addPage(shop, "über-uns", { title: "Über uns", position: 2 });
    const home = await site.ask(shop, "/");
    expect(home.text).toContain("<title>Hello – The shop company</title>");
    expect(home.text).toContain('<meta name="description" content="A shop.">');
    const links = [...home.text.matchAll(/<li><a href="([^"]*)"/g)].map(([, href]) => href);
    expect(links).toEqual(["/", "/%C3%BCber-uns", "/about"]);
    expect((await site.ask(shop, "/about")).text).toContain("<p>We <em>care</em>.</p>");
    expect((await site.ask(shop, "/%C3%BCber-uns")).status).toBe(200);
    expect((await site.ask(shop, "/about/")).headers.location).toBe("/about");
    expect((await site.ask(shop, "/%2Fevil.example/")).headers.location).toBe("/%2Fevil.example");
    expect((await site.ask(shop, "/home")).headers.location).toBe("/");
    expect((await site.ask(shop, "/pages/about")).headers.location).toBe("/about");
  });

  test("another home slug can be set", async () => {
    const club = await site.addTenant("club", { settings: { "app.homeSlug": "start" } });
    await addPage(club, "start", { title: "The start" });
    expect((await site.ask(club, "/")).text).toContain("<h1>The start</h1>");
  });

  test("a page that isn't published is nowhere to be seen", async () => {
    const drafts = await site.addTenant("drafts");
    await addPage(drafts, "secret", { published: false, title: "Secret plans" });
    expect((await site.ask(drafts, "/secret")).status).toBe(404);
    expect((await site.ask(drafts, "/")).text).not.toContain("Secret plans");
  });

  test("one tenant's pages are not another's", async () => {
    const [one, two] = [await site.addTenant("one"), await site.addTenant("two")];
    await addPage(one, "only-here", { title: "Only here" });
    expect((await site.ask(one, "/only-here")).status).toBe(200);
    expect((await site.ask(two, "/only-here")).status).toBe(404);
    expect((await site.ask(two, "/")).text).not.toContain("Only here");
  });
});

describe("the process", () => {
  test("its health needs no tenant; everything else does", async () => {
    const acme = await site.addTenant("health");
    expect((await site.ask(acme, "/health", { headers: { "tenantry-token": "" } })).status).toBe(200);
    expect((await site.ask(acme, "/", { headers: { "tenantry-token": "" } })).status).toBe(401);
  });

  test("every answer forbids scripts, sniffing and frames", async () => {
    const acme = await site.addTenant("headers");
    for (const target of ["/", "/nothing", "/health"]) {
      const { headers } = await site.ask(acme, target);
      if (target !== "/health") {
        expect(headers["content-security-policy"]).toContain("default-src 'none'");
        expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
        expect(headers["content-security-policy"]).not.toContain("script-src");
        expect(headers["x-content-type-options"]).toBe("nosniff");
      }
    }
  });

  test("what is read keeps being read while the API is away; editors are told to wait", async () => {
    const acme = await site.addTenant("api-away");
    await site.ask(acme, "/");
    const people = { accept: "text/html", cookie: `tenantry_session=${"x".repeat(43)}` };
    site.installation.stop();
    try {
      expect((await site.ask(acme, "/")).status).toBe(200);
      const admin = await site.ask(acme, "/admin/pages", { headers: people });
      expect([admin.status, admin.headers["content-type"]]).toEqual([503, "text/html; charset=UTF-8"]);
      expect(admin.text).toContain("This site takes a short break");
    } finally {
      await site.installation.start();
    }
  });

  test("a database that is away is a short break to people, and a problem document to programs", async () => {
    const acme = await site.addTenant("database-away", {
      database: { level: "database", serverId: "srv_2", url: "postgres://a:b@127.0.0.1:1/c", generation: 1 },
    });
    const people = await site.ask(acme, "/", { headers: { accept: "text/html,*/*" } });
    expect([people.status, people.headers["content-type"]]).toEqual([503, "text/html; charset=UTF-8"]);
    expect(people.text).toContain("This site takes a short break");
    expect(people.text).not.toContain("127.0.0.1");
    expect(people.headers["content-security-policy"]).toContain("default-src 'none'");
    const programs = await site.ask(acme, "/", { headers: { accept: "application/json" } });
    expect([programs.status, programs.headers["content-type"]]).toEqual([503, "application/problem+json"]);
  });
});

describe("what programs ask for", () => {
  test("robots.txt and the sitemap name what is published, at the site's primary name", async () => {
    const shop = await site.addTenant("listed", { hostnames: ["shop.example", "listed.localhost"] });
    await addPage(shop, "about", { position: 2 });
    await addPage(shop, "draft", { published: false });
    const headers = { host: "listed.localhost:8585", "x-forwarded-proto": "https" };
    expect((await site.ask(shop, "/robots.txt", { headers })).text).toBe(
      "User-agent: *\nDisallow: /admin\n\nSitemap: https://shop.example:8585/sitemap.xml\n",
    );
    const { text, headers: sent } = await site.ask(shop, "/sitemap.xml", { headers });
    expect(sent["content-type"]).toBe("application/xml; charset=utf-8");
    expect([...text.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) => address)).toEqual([
      "https://shop.example:8585/",
      "https://shop.example:8585/about",
    ]);
    const page = await site.ask(shop, "/about", { headers });
    expect(page.text).toContain('<link rel="canonical" href="https://shop.example:8585/about">');
    expect(page.text).not.toContain("noindex");
  });

  test("only production is listed", async () => {
    const staging = await site.addTenant("staging", { name: "staging" });
    expect((await site.ask(staging, "/robots.txt")).text).toContain("Disallow: /\n");
    expect((await site.ask(staging, "/")).text).toContain('<meta name="robots" content="noindex">');
  });

  test("the icon shows the first letter of the site's name, whatever that is", async () => {
    const odd = await site.addTenant("odd", { tenantName: "<& Co" });
    const { text, headers } = await site.ask(odd, "/favicon.svg");
    expect(headers["content-type"]).toBe("image/svg+xml");
    expect(text).toContain(">C</text>");
  });

  test("styles and scripts may be kept for ever, and need no tenant", async () => {
    const acme = await site.addTenant("assets");
    for (const from of ["/", "/admin/login"]) {
      const { text } = await site.ask(acme, from);
      for (const [, path] of text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
        const { status, headers } = await site.ask(acme, path!, { headers: { "tenantry-token": "" } });
        expect([path, status]).toEqual([path, 200]);
        expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
        const older = await site.ask(acme, path!.replace(/\.[\w-]{12}\./, ".an-earlier-1."));
        expect([older.status, older.headers["cache-control"]]).toEqual([200, "no-cache"]);
      }
    }
    expect((await site.ask(acme, "/assets/other.css", { headers: { "tenantry-token": "" } })).status).toBe(
      404,
    );
  });
});
