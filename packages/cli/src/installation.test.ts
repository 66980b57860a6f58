import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findInstallation, type InstallationFlags } from "./installation.ts";

let root: string;
let inside: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "tenantry-cli-"));
  inside = path.join(root, "project", "deep", "down");
  await mkdir(inside, { recursive: true });
  await place(path.join(root, "project", ".tenantry"), "near");
  await place(path.join(root, "elsewhere"), "elsewhere");
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function place(directory: string, name: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = {
    url: `http://localhost:8686/${name}`,
    apiKey: `key-${name}`,
    gatewayUrl: "x",
    databaseUrl: "x",
  };
  await writeFile(path.join(directory, "operator.json"), JSON.stringify(file));
}

function find(
  flags: InstallationFlags = {},
  environment: Record<string, string> = {},
  workingDirectory = inside,
) {
  return findInstallation(flags, { environment, workingDirectory });
}

it("knows where the gateway is, of an installation that runs here", async () => {
  const directory = path.join(root, "with-gateway");
  await mkdir(directory, { recursive: true });
  const places = { gatewayUrl: "http://localhost:8585", gatewayTlsUrl: "https://localhost:8443" };
  const file = { url: "http://localhost:8686", apiKey: "key", databaseUrl: "x", ...places };
  await writeFile(path.join(directory, "operator.json"), JSON.stringify(file));
  const gateway = { http: places.gatewayUrl, https: places.gatewayTlsUrl };
  expect(await find({ dataDir: directory })).toEqual({ url: file.url, apiKey: file.apiKey, gateway });
  expect((await find({ url: "https://far.example", apiKey: "key" })).gateway).toBeUndefined();
});

it("tells a first start that isn't over from a place where nothing is", async () => {
  const directory = path.join(root, "starting");
  await mkdir(path.join(directory, ".tenantry"), { recursive: true });
  await writeFile(path.join(directory, ".tenantry", "lock"), "{}");
  await expect(find({}, {}, directory)).rejects.toThrow(/^The first start in .*starting.* isn't over yet\.$/);
});

const near = { url: "http://localhost:8686/near", apiKey: "key-near" };
const elsewhere = { url: "http://localhost:8686/elsewhere", apiKey: "key-elsewhere" };

describe("looking for the installation", () => {
  it("takes flags before the environment, and that before what lies near", async () => {
    const environment = { TENANTRY_URL: "https://environment.example/", TENANTRY_API_KEY: "key-environment" };
    const flags = { url: "https://flag.example", apiKey: "key-flag" };
    expect(await find(flags, environment)).toEqual(flags);
    expect(await find({}, environment)).toEqual({
      url: "https://environment.example",
      apiKey: "key-environment",
    });
    expect(await find()).toEqual(near);
  });

  it("takes a data directory from the flag, then from the environment, then from above", async () => {
    const dataDir = path.join(root, "elsewhere");
    expect(await find({ dataDir })).toEqual(elsewhere);
    expect(await find({}, { TENANTRY_DATA_DIR: dataDir })).toEqual(elsewhere);
    expect(await find({ dataDir }, { TENANTRY_DATA_DIR: "/nowhere" })).toEqual(elsewhere);
  });

  it("counts an empty variable as unset", async () => {
    const empty = { TENANTRY_URL: "", TENANTRY_API_KEY: "", TENANTRY_DATA_DIR: "" };
    expect(await find({}, empty)).toEqual(near);
  });

  it("sends the key of a directory to the address beside it alone", async () => {
    await expect(find({ url: "https://stranger.example" })).rejects.toThrow("There is no key for");
    await expect(find({ url: "http://localhost:9999/near" })).rejects.toThrow("There is no key for");
    expect(await find({ url: "http://127.0.0.1:8686/near/" })).toEqual({
      ...near,
      url: "http://127.0.0.1:8686/near",
    });
    expect(await find({ apiKey: "another" })).toEqual({ ...near, apiKey: "another" });
  });

  it("sends a key from the environment nowhere unless an address or a directory was named for it", async () => {
    const environment = { TENANTRY_API_KEY: "key-of-another-place" };
    await expect(find({}, environment)).rejects.toMatchObject({
      problem: {
        code: "installation_not_found",
        remedy: expect.stringMatching(/Set TENANTRY_URL .*http:\/\/localhost:8686\/near/),
      },
    });
    await expect(find({}, environment)).rejects.not.toThrow("key-of-another-place");
    const dataDir = path.join(root, "elsewhere");
    const named = { ...elsewhere, apiKey: "key-of-another-place" };
    expect(await find({ dataDir }, environment)).toEqual(named);
    expect(await find({}, { ...environment, TENANTRY_DATA_DIR: dataDir })).toEqual(named);
    expect(await find({ url: near.url }, environment)).toEqual({ ...named, url: near.url });
    const withUrl = { ...environment, TENANTRY_URL: "https://another.example/" };
    expect(await find({ url: "https://another.example" }, withUrl)).toMatchObject({ apiKey: named.apiKey });
    expect(await find({ url: near.url }, withUrl)).toEqual(near);
    expect(await find({ url: near.url }, { TENANTRY_URL: "no address" })).toEqual(near);
    await expect(find({ url: "https://stranger.example" }, withUrl)).rejects.toThrow("There is no key for");
    expect(await find({}, { TENANTRY_API_KEY: near.apiKey })).toEqual(near);
    expect(await find({ apiKey: "by-flag" }, environment)).toEqual({ ...near, apiKey: "by-flag" });
  });

  // Only root can give a file away.
  it.skipIf(process.geteuid?.() !== 0)(
    "takes nothing that lies near for ours when it is another user's",
    async () => {
      const directory = path.join(root, "strange");
      await place(path.join(directory, ".tenantry"), "strange");
      await chown(path.join(directory, ".tenantry", "operator.json"), 4242, 4242);
      await expect(find({}, {}, directory)).rejects.toMatchObject({
        problem: { code: "installation_not_found", remedy: expect.stringContaining("--data-dir") },
      });
      await expect(find({}, { SUDO_UID: "4243" }, directory)).rejects.toThrow("another user's (4242)");
      for (const found of [
        find({}, { SUDO_UID: "4242" }, directory),
        find({ dataDir: ".tenantry" }, {}, directory),
      ])
        expect(await found).toMatchObject({ apiKey: "key-strange" });
    },
  );

  it("says that there is none, and how to get one", async () => {
    const failure = find({}, {}, path.parse(root).root);
    await expect(failure).rejects.toMatchObject({
      problem: { code: "installation_not_found", remedy: expect.stringContaining("npm start") },
    });
    await expect(find({ dataDir: path.join(root, "none") })).rejects.toThrow(
      `found in ${path.join(root, "none")}`,
    );
  });

  it.each([
    "localhost:8686",
    "ftp://localhost",
    "http://",
    "http://user:hunter2@localhost:8686",
    "http://localhost:8686/?a",
  ])("refuses %j as an address, without repeating it", async (url) => {
    const failure = find({ url, apiKey: "key" });
    await expect(failure).rejects.toMatchObject({ problem: { code: "wrong_usage" } });
    await expect(failure).rejects.not.toThrow("hunter2");
  });

  it("refuses a key that can't be one, without repeating it", async () => {
    const failure = find({ url: "http://localhost", apiKey: "tnk_hunter2\nX-Other: 1" });
    await expect(failure).rejects.toMatchObject({ problem: { code: "wrong_usage" } });
    await expect(failure).rejects.not.toThrow("hunter2");
  });

  it("says of a damaged file that it is, without quoting the key in it", async () => {
    const directory = await mkdtemp(path.join(root, "damaged-"));
    for (const text of ['{"apiKey":"hunter2', '"hunter2"', "null", ""]) {
      await writeFile(path.join(directory, "operator.json"), text);
      const failure = find({ dataDir: directory });
      await expect(failure).rejects.toMatchObject({ problem: { code: "file_unreadable" } });
      await expect(failure).rejects.not.toThrow("hunter2");
    }
  });
});
