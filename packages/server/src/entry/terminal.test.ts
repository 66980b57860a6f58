import { expect, test } from "vitest";
import type { Running } from "./start.ts";
import { runningLines } from "./terminal.ts";

const running: Running = {
  operator: { url: "http://localhost:8686", file: "/here/.tenantry/operator.json" } as Running["operator"],
  gatewayUrl: "http://localhost:8585",
  gatewayTlsUrl: "https://localhost:8443",
  authorityFile: "/here/.tenantry/certificate-authority.pem",
  automaticTls: true,
  confinement: undefined,
  postgres: "PostgreSQL 18",
  tookMs: 1_500,
  dataDir: "/here/.tenantry",
  rootDomain: "localhost",
  stop: async () => undefined,
};
const textOf = (more: Partial<Running>, workingDirectory = "/here") =>
  runningLines({ ...running, ...more }, workingDirectory).join("\n");

test("the next command can be typed as it stands, wherever the data lies", () => {
  const create = 'npx tenantry tenant create acme --name "Acme Ltd" --wait';
  expect(textOf({})).toContain(`    ${create}\n`);
  expect(textOf({}, "/here/there")).toContain(`    ${create} --data-dir /here/.tenantry\n`);
  expect(textOf({ dataDir: "/here/data" })).toContain(`    ${create} --data-dir data\n`);
});

test("files are named from here, or from the top where they lie elsewhere", () => {
  expect(textOf({})).toContain("Operator's key   .tenantry/operator.json");
  expect(textOf({}, "/elsewhere")).toContain("Operator's key   /here/.tenantry/operator.json");
});

test("no address over HTTPS is promised while hosts get no certificates", () => {
  expect(textOf({})).toContain("Over HTTPS       https://<slug>.localhost:8443/");
  expect(textOf({ automaticTls: false })).not.toContain("https://");
});
