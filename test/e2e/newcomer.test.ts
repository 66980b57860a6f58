import { expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();

it("gives a newcomer a tenant's own home page with two commands", async () => {
  const slug = fresh("acme");
  const made = await installation.command(["tenant", "create", slug, "--name", "Acme Ltd", "--wait"]);
  expect(made.code).toBe(0);
  expect(made.stderr).toMatch(/^done: Register the tenant \(\d+ ms\)\n(done: .*\n)+$/);
  expect(made.stdout).toContain(`${slug} is active: http://${slug}.localhost:${installation.gatewayPort}/`);
  const page = await installation.visit(slug);
  expect(page.status).toBe(200);
  expect(page.body).toContain("Acme Ltd");
});
