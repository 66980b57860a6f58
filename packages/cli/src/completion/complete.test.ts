import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operationOf, sampleReply } from "../testing/api-description.ts";
import { type FakeApi, startFakeApi } from "../testing/fake-api.ts";
import { complete } from "./complete.ts";
import { scripts } from "./scripts.ts";

let api: FakeApi;
beforeAll(async () => {
  const names = ["acme", "acme-labs", "globex"].map((slug) => ({ slug, name: `${slug}\u001b[31m` }));
  api = await startFakeApi(({ method, url }) => {
    const { operationId } = operationOf(method, url)!;
    if (operationId === "listTenants") return { body: { items: names, nextCursor: null } };
    return sampleReply(operationOf(method, url)!);
  });
});
afterAll(() => api[Symbol.asyncDispose]());

const there = () => ["--url", api.url, "--api-key", "key"];

async function proposals(...words: string[]) {
  const out = new PassThrough();
  await complete(words, out);
  const lines = String(out.read()).trimEnd().split("\n");
  return { words: lines.slice(0, -1).map((line) => line.split("\t")[0]), rest: lines.at(-1), lines };
}

describe("completion", () => {
  it.each([
    [["t"], ["tenant", "template"]],
    [
      ["tenant", "s"],
      ["show", "suspend"],
    ],
    [
      ["tenant", "create", "x", "--level", "d"],
      ["database", "dedicated"],
    ],
    [
      ["tenant", "create", "x", "--level", "="],
      ["shared", "schema", "database", "dedicated", "sqlite"],
    ],
    [
      ["tenant", "create", "x", "--level=d"],
      ["--level=database", "--level=dedicated"],
    ],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["operation", "list", "--status", "s"], ["succeeded"]],
    [["tenant", "create", "--name", "tenant", "x", "--wa"], ["--wait"]],
    [["tenant", "nothing", "like", "this"], []],
  ])("of %j is %j", async (words, expected) => {
    expect((await proposals(...words)).words).toEqual(expected);
  });

  it("proposes each flag once, unless it may be repeated", async () => {
    const { words } = await proposals("tenant", "create", "--wait", "--name", "A", "--group", "g", "--");
    expect(words).not.toContain("--wait");
    expect(words).not.toContain("--name");
    expect(words).toEqual(expect.arrayContaining(["--group", "--app", "--json", "--help"]));
  });

  it("proposes what the installation has, and says what that is without harm to the terminal", async () => {
    const { lines } = await proposals("tenant", "show", ...there(), "ac");
    expect(lines).toEqual(["acme\tacme\ufffd[31m", "acme-labs\tacme-labs\ufffd[31m", ":nothing"]);
    expect((await proposals("app", "list", ...there(), "--data-dir", "")).rest).toBe(":directories");
    expect((await proposals("user", "show", ...there(), "acme", "")).words).toEqual(["text"]);
    expect(api.asked.at(-1)!.url).toBe("/v1/tenants/acme/users?limit=200");
    expect(await proposals("settings", "set", ...there(), "")).toMatchObject({
      words: ["text="],
      rest: ":nospace",
    });
    expect((await proposals("settings", "set", "a=1", ...there(), "--tenant", "gl")).words).toEqual([
      "globex",
    ]);
  });

  it("proposes nothing, and says nothing, when there is nobody to ask", async () => {
    const nowhere = ["--url", "http://127.0.0.1:1", "--api-key", "key"];
    expect((await proposals("tenant", "show", ...nowhere, "")).lines).toEqual([":nothing"]);
    expect((await proposals("tenant", "show", "--url", "nonsense", "--api-key", "k", "")).lines).toEqual([
      ":nothing",
    ]);
    expect((await proposals("user", "show", ...there(), "..", "")).lines).toEqual([":nothing"]);
  });
});

describe("the script for bash", () => {
  let programs: string;
  beforeAll(async () => {
    programs = await mkdtemp(path.join(tmpdir(), "tenantry-completion-"));
    await symlink(
      fileURLToPath(new URL("../../bin/tenantry.js", import.meta.url)),
      path.join(programs, "tenantry"),
    );
    await symlink(process.execPath, path.join(programs, "node"));
  });
  afterAll(() => rm(programs, { recursive: true, force: true }));

  /** What bash itself would offer after the words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const code = `${scripts.bash}
      compopt() { :; }
      complete -p tenantry >/dev/null || exit 1
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _tenantry
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const PATH = `${programs}:${process.env.PATH}`;
    const env = { ...process.env, PATH, TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
    const { stdout } = await promisify(execFile)("bash", ["-c", code, "bash", ...words], { env });
    return stdout.trimEnd().split("\n");
  }

  it("offers commands, choices, names and directories", async () => {
    expect(await offered("tenantry", "tenant", "s")).toEqual(["show", "suspend"]);
    expect(await offered("tenantry", "tenant", "create", "x", "--level", "=", "da")).toEqual(["database"]);
    expect(await offered("tenantry", "tenant", "create", "x", "--level", "=")).toHaveLength(5);
    expect(await offered("tenantry", "tenant", "delete", "gl")).toEqual(["globex"]);
    expect(await offered("tenantry", "app", "create", "x", "--migrations", "/us")).toEqual(["/usr"]);
  });
});
