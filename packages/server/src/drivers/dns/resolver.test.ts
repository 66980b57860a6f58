import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestDns, testDns } from "../../testing/powerdns.ts";
import { createDnsLookup } from "./resolver.ts";

let server: TestDns;
beforeAll(async () => {
  server = await testDns();
  server.zone("acme.com");
  server.zone("globex.net");
});
afterAll(() => server?.stop());

const lookup = (servers = [server.address], timeoutMs = 5_000) => createDnsLookup({ servers, timeoutMs });
/** Nobody listens there. */
const nowhere = "127.0.0.1:9";

describe("TXT records", () => {
  it("are found, each with its strings joined", async () => {
    server.add(
      { name: "two.acme.com", type: "TXT", content: '"tenantry-" "verify=1"' },
      { name: "two.acme.com", type: "TXT", content: '"v=spf1 -all"' },
    );
    const { kind, ...rest } = await lookup().txt("two.acme.com");
    expect(kind).toBe("found");
    expect((rest as { values: string[] }).values.sort()).toEqual(["tenantry-verify=1", "v=spf1 -all"]);
  });

  it("are found however many there are, and behind an alias", async () => {
    const values = Array.from({ length: 80 }, (_, number) => `${number} ${"x".repeat(200)}`);
    server.add(
      ...values.map((value) => ({ name: "many.acme.com", type: "TXT" as const, content: `"${value}"` })),
    );
    server.add({ name: "alias.acme.com", type: "CNAME", content: "many.globex.net" });
    server.add({ name: "many.globex.net", type: "TXT", content: '"here"' });
    expect(await lookup().txt("many.acme.com")).toMatchObject({ kind: "found", values: { length: 80 } });
    expect(await lookup().txt("alias.acme.com")).toEqual({ kind: "found", values: ["here"] });
  });

  it("are none where there is no such name, or it has others", async () => {
    server.add({ name: "other.acme.com", type: "A", content: "192.0.2.1" });
    expect(await lookup().txt("nobody.acme.com")).toEqual({ kind: "none" });
    expect(await lookup().txt("other.acme.com")).toEqual({ kind: "none" });
  });
});

describe("aliases", () => {
  const alias = (name: string, content: string) => server.add({ name, type: "CNAME", content });

  it("are followed to the end of their chain", async () => {
    alias("www.acme.com", "Edge.Acme.com");
    alias("edge.acme.com", "shop.globex.net");
    server.add({ name: "shop.globex.net", type: "A", content: "192.0.2.1" });
    expect(await lookup().aliases("www.acme.com")).toEqual({
      ...{ kind: "found", values: ["edge.acme.com", "shop.globex.net"] },
    });
    expect(await lookup().aliases("shop.globex.net")).toEqual({ kind: "none" });
    expect(await lookup().aliases("nobody.acme.com")).toEqual({ kind: "none" });
  });

  it("are known as far as anybody can say, in circles and in chains without an end, too", async () => {
    alias("away.acme.com", "acme.elsewhere.org");
    expect(await lookup().aliases("away.acme.com")).toMatchObject({ values: ["acme.elsewhere.org"] });
    alias("a.acme.com", "b.acme.com");
    alias("b.acme.com", "a.acme.com");
    expect(await lookup().aliases("a.acme.com")).toMatchObject({ values: ["b.acme.com"] });
    for (let number = 0; number < 20; number += 1) alias(`c${number}.acme.com`, `c${number + 1}.acme.com`);
    expect(await lookup().aliases("c0.acme.com")).toMatchObject({ values: { length: 8 } });
  });
});

describe("nobody can say", () => {
  it("what a server refuses to answer, or stumbles over", async () => {
    expect(await lookup().txt("acme.elsewhere.org")).toEqual({
      ...{ kind: "unavailable", reason: "it refused the question" },
    });
    server.add({ name: "broken.acme.com", type: "A", content: "not an address" });
    for (const question of ["txt", "aliases"] as const) {
      expect(await lookup()[question]("broken.acme.com")).toMatchObject({
        ...{ kind: "unavailable", reason: expect.stringMatching(/^it answered SERVFAIL/) },
      });
    }
  });

  it("what stands at a server that is away, unless another one knows", async () => {
    server.add({ name: "there.acme.com", type: "TXT", content: '"yes"' });
    expect(await lookup([nowhere]).txt("there.acme.com")).toMatchObject({ kind: "unavailable" });
    expect(await lookup([nowhere]).aliases("there.acme.com")).toMatchObject({ kind: "unavailable" });
    expect(await lookup([nowhere, server.address]).txt("there.acme.com")).toMatchObject({ values: ["yes"] });
  });

  it("what a server doesn't answer in time, however many there are to be asked", async () => {
    await server.freeze();
    try {
      const startedAt = performance.now();
      const servers = Array.from({ length: 6 }, () => server.address);
      expect(await lookup(servers, 800).txt("there.acme.com")).toEqual({
        ...{ kind: "unavailable", reason: "it didn't answer in time" },
      });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    } finally {
      server.thaw();
    }
  });
});
