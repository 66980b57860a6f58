import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { createTenantry } from "./index.ts";
import { signedAnswer } from "./signed-files.ts";
import { testInstallation } from "./testing/installation.ts";

test("an address that was signed for another tenant's file is refused, and told; one that nobody signed isn't [ISO-11]", async () => {
  const installation = await testInstallation();
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-foreign-files-"));
  const warn = vi.fn();
  const { url, appKey, asked } = installation;
  const tenantry = createTenantry({ url, appKey, log: { info() {}, warn } });
  try {
    const place = (signingKey: string) => ({ driver: "fs" as const, directory, signingKey, generation: 1 });
    const acme = installation.addTenant("acme", { storage: place("one key") });
    const other = installation.addTenant("other", { storage: place("another key") });
    const signed = await tenantry.run(acme.id, ({ storage }) => storage.signDownload("a/b.png"));
    const statusAt = (id: string, target: string) =>
      tenantry.run(id, async (context) => {
        const request = { method: "GET", url: target, headers: {}, body: null };
        return (await signedAnswer(context, request)).status;
      });
    const told = () => asked.get(`environments/${other.id}/files/foreign of ${acme.id}`);
    expect(await statusAt(other.id, signed.url)).toBe(403);
    expect(told()).toBe(1);
    const fields = { environmentId: other.id, owner: acme.id };
    expect(warn).toHaveBeenCalledWith(fields, "file.used_elsewhere");
    // Whoever goes on trying makes no more work for anybody, for a moment.
    for (let time = 0; time < 20; time += 1) expect(await statusAt(other.id, signed.url)).toBe(403);
    expect(told()).toBe(1);
    vi.spyOn(performance, "now").mockReturnValue(performance.now() + 2_000);
    expect(await statusAt(other.id, signed.url.replace("b.png", "c.png"))).toBe(403);
    expect(told()).toBe(1);
    expect(await statusAt(acme.id, signed.url)).toBe(404);
  } finally {
    vi.restoreAllMocks();
    await tenantry.close();
    installation.stop();
    await rm(directory, { recursive: true });
  }
});
