import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Config, ConfigError, type ConfigSources, loadConfig } from "./index.ts";

let dataDir: string;
let file: string;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "tenantry-config-"));
  file = path.join(dataDir, "config.json");
});
beforeEach(async () => rm(file, { force: true }));
afterAll(async () => rm(dataDir, { recursive: true }));

const load = (sources: ConfigSources & { file?: unknown } = {}): Promise<Config> =>
  writeFile(file, JSON.stringify(sources.file ?? {})).then(() =>
    loadConfig({ flags: { dataDir, ...sources.flags }, environment: sources.environment ?? {} }),
  );

async function mistakesOf(sources: Parameters<typeof load>[0]): Promise<readonly string[]> {
  const error = await load(sources).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).mistakes;
}

describe("the configuration", () => {
  it("has a default for everything", async () => {
    const { dataDir: _, ...rest } = await load();
    expect(rest).toEqual({
      databaseUrl: undefined,
      rootDomain: "localhost",
      publicUrl: undefined,
      apiUrl: "http://127.0.0.1:8686",
      api: { host: "localhost", port: 8686, names: [] },
      gateway: { host: "localhost", port: 8585, tlsPort: 8443, trustedProxies: [] },
      dnsServers: [],
      masterKeyFile: undefined,
      logLevel: "info",
      drainTimeoutMs: 10_000,
      settings: {},
      warnings: [],
    });
  });

  it("prefers the flag to the variable, the variable to the file, the file to the default", async () => {
    const sources = { file: { api: { port: 1 } } };
    expect((await load(sources)).api.port).toBe(1);
    const environment = { TENANTRY_API_PORT: "2" };
    expect((await load({ ...sources, environment })).api.port).toBe(2);
    expect((await load({ ...sources, environment, flags: { apiPort: "3" } })).api.port).toBe(3);
  });

  it("believes the proxies that it is told to, each an address or a network, and names what is neither", async () => {
    const environment = { TENANTRY_TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1,2001:db8::/32" };
    const { gateway } = await load({ environment });
    expect(gateway.trustedProxies).toEqual(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);
    for (const wrong of ["proxy.example", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/", "::/129", "*"]) {
      expect(await mistakesOf({ flags: { trustedProxies: wrong } })).toEqual([
        expect.stringMatching(/^--trusted-proxies must be an IP address or a network/),
      ]);
    }
  });

  it("asks DNS where it is told to, at addresses alone", async () => {
    const environment = { TENANTRY_DNS_SERVERS: "192.0.2.53, 127.0.0.1:5353,2001:db8::53,[::1]:5353" };
    expect((await load({ environment })).dnsServers).toEqual([
      ...["192.0.2.53", "127.0.0.1:5353", "2001:db8::53", "[::1]:5353"],
    ]);
    for (const wrong of [
      ...["ns1.example.com", "192.0.2.53:0", "192.0.2.53:70000", "::1]:53", "[192.0.2.1]:53", "*"],
    ]) {
      expect(await mistakesOf({ flags: { dnsServers: wrong } })).toEqual([
        expect.stringMatching(/^--dns-servers must be IP addresses/),
      ]);
    }
  });

  it("takes an empty variable for none", async () => {
    expect((await load({ environment: { TENANTRY_API_PORT: "", MAX_TENANTS: "" } })).api.port).toBe(8686);
  });

  it("needs no file", async () => {
    await expect(
      loadConfig({ flags: { dataDir: "/nowhere/at/all" }, environment: {} }),
    ).resolves.toMatchObject({
      dataDir: "/nowhere/at/all",
    });
  });

  it("lists every mistake at once, each with where it stands", async () => {
    const mistakes = await mistakesOf({
      flags: { apiPort: "70000" },
      environment: { DATABASE_URL: "mysql://root:hunter2@db", MAX_TENANTS: "many" },
      file: {
        rootDomain: "https://example.com/",
        gateway: { prot: 1 },
        settings: { maxUsers: -1, colour: 1 },
      },
    });
    expect(mistakes).toEqual([
      "the variable DATABASE_URL must be postgres://user:password@host:port/database.",
      `${file} at /rootDomain must be a domain name such as example.com, without scheme, port or path.`,
      "--api-port must be a port: 0 to 65535, 0 for any that is free.",
      `${file} at /gateway/prot isn't known.`,
      expect.stringContaining(`${file} at /settings/maxUsers `),
      `${file} at /settings/colour isn't known.`,
      expect.stringContaining("the variable MAX_TENANTS "),
    ]);
    expect(mistakes.join()).not.toContain("hunter2");
  });

  it("refuses a file that isn't a JSON object", async () => {
    expect(await mistakesOf({ file: [1] })).toEqual([`${file} must hold a JSON object.`]);
    await writeFile(file, "{ rootDomain: x");
    await expect(loadConfig({ flags: { dataDir }, environment: {} })).rejects.toThrow("isn't valid JSON");
  });

  it("takes any port for HTTPS where any will do for HTTP, unless one is named", async () => {
    expect((await load({ flags: { gatewayPort: 0 } })).gateway.tlsPort).toBe(0);
    expect((await load({ flags: { gatewayPort: 0, tlsPort: 9443 } })).gateway.tlsPort).toBe(9443);
    expect((await load({ flags: { gatewayPort: 9 } })).gateway.tlsPort).toBe(8443);
  });

  it("refuses one port for two listeners", async () => {
    expect(await mistakesOf({ flags: { apiPort: 9, gatewayPort: "9" } })).toEqual([
      "The API and the gateway can't both listen on port 9.",
    ]);
    for (const flags of [{ apiPort: 9, tlsPort: 9 }, { gatewayPort: 9, tlsPort: 9 }, { apiPort: 8443 }]) {
      expect(await mistakesOf({ flags })).toEqual([
        expect.stringMatching(/^HTTPS needs a port of its own: \d+ is taken by another of ours\.$/),
      ]);
    }
    expect((await load({ flags: { apiPort: 0, gatewayPort: 0, tlsPort: 0 } })).api.port).toBe(0);
  });

  it.each(["-1", "65536", "1.5", "80a", "", "0x50", "9".repeat(40)])(
    "refuses the port %j",
    async (apiPort) => {
      expect(await mistakesOf({ flags: { apiPort } })).toEqual([
        "--api-port must be a port: 0 to 65535, 0 for any that is free.",
      ]);
    },
  );

  it("warns of variables that look like ours but aren't", async () => {
    const { warnings } = await load({ environment: { TENANTRY_ROOTDOMAIN: "x", TENANTRY_URL: "y" } });
    expect(warnings).toEqual(["The variable TENANTRY_ROOTDOMAIN isn't known here and changes nothing."]);
  });
});

describe("the root domain", () => {
  it.each([
    ["localhost", "localhost"],
    ["Example.COM.", "example.com"],
    ["sites.example.co.uk", "sites.example.co.uk"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["cloud.internal", "cloud.internal"],
  ])("may be %s", async (rootDomain, read) => {
    expect((await load({ flags: { rootDomain } })).rootDomain).toBe(read);
  });

  it.each([
    "",
    " ",
    "127.0.0.1",
    "[::1]",
    "::1",
    "com",
    "co.uk",
    "example.com:80",
    "http://example.com",
    "example.com/x",
    "*.example.com",
    "-a.example",
    "a..b",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(100)}example`,
    "a b.example",
    "a\u0000.example",
    "<script>",
  ])("can't be %j", async (rootDomain) => {
    expect(await mistakesOf({ flags: { rootDomain } })).toEqual([
      expect.stringMatching(/^--root-domain must /),
    ]);
  });
});

describe("settings that the installation fixes", () => {
  it("come from variables before the file, read as what they mean", async () => {
    const { settings } = await load({
      environment: { MAX_TENANTS: "7", AUTO_SSL: "no", ENABLE_CUSTOM_DOMAINS: "no", DEFAULT_QUOTA: "2GB" },
      file: { settings: { maxTenants: 5, maxUsers: 9 } },
    });
    expect(settings).toEqual({
      maxTenants: { value: 7, source: "environment variable" },
      maxUsers: { value: 9, source: "file" },
      automaticTls: { value: false, source: "environment variable" },
      customDomains: { value: false, source: "environment variable" },
      storageQuota: { value: "2GB", source: "environment variable" },
    });
  });
});
