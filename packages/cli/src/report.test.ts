import { PassThrough } from "node:stream";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { appCommand } from "./commands/app/index.ts";
import { serverCommand } from "./commands/server.ts";
import { tenantCommand } from "./commands/tenant/index.ts";
import { CliError, type Problem } from "./problem.ts";
import { describeProblem, reportFailure } from "./report.ts";

const create = tenantCommand().commands.find((command) => command.name() === "create")!;
const createApp = appCommand().commands.find((command) => command.name() === "create")!;
const addServer = serverCommand().commands.find((command) => command.name() === "add")!;

const request = (...errors: { pointer: string; message: string }[]): Problem => ({
  title: "The request has a mistake.",
  status: 422,
  code: "invalid_request",
  detail: `${errors[0]?.pointer}: ${errors[0]?.message}`,
  remedy: "Mend the fields listed in `errors`.",
  errors,
});

describe("a problem for people", () => {
  it.each([
    ["/name", create, "--name: bad"],
    ["/slug", create, "<slug>: bad"],
    ["/admin/password", create, "--admin-password: bad"],
    ["/isolation/database", create, "--level: bad"],
    ["/groups/0", create, "--group: bad"],
    ["/settings/maxUsers", create, "--setting: bad"],
    ["/parentId", create, "--parent: bad"],
    ["/migrations/3/name", createApp, "--migrations: bad"],
    ["/slug", createApp, "<name>: bad"],
    ["/upstreamUrl", createApp, "--upstream: bad"],
    ["/url", addServer, "--database-url: bad"],
    ["/nothing/ofOurs", create, "/nothing/ofOurs: bad"],
    ["", create, "bad"],
  ])("names the flag that %j came from", (pointer, command, line) => {
    expect(describeProblem(request({ pointer, message: "bad" }), command)).toEqual([line]);
  });

  it("lists several mistakes below what they are", () => {
    const problem = request({ pointer: "/name", message: "bad" }, { pointer: "/slug", message: "worse" });
    expect(describeProblem(problem, create)).toEqual([
      "The request has a mistake.",
      "  --name: bad",
      "  <slug>: worse",
    ]);
  });

  it("gives the reason of a refused slug, and the suggestion", () => {
    const detail = '"www" is reserved for the platform itself.';
    const refused = { title: "This slug can't be used.", code: "slug_refused", status: 422, detail };
    const errors = [{ pointer: "/slug", message: detail }];
    expect(describeProblem({ ...refused, errors, remedy: 'Try "www-site".' }, create)).toEqual([
      detail,
      'Try "www-site".',
    ]);
  });

  it("doesn't say again what the sentence said", () => {
    const errors = ["It may not make databases.", "It may not make roles."].map((message) => ({
      pointer: "/url",
      message,
    }));
    const detail = errors.map(({ message }) => message).join(" ");
    expect(describeProblem({ title: "No.", code: "server_unreachable", detail, errors }, addServer)).toEqual([
      detail,
    ]);
  });

  it("leads to the operation that failed", () => {
    expect(describeProblem({ title: "It failed.", operationId: "op_1" }, undefined)).toEqual([
      "It failed.",
      "Its steps: tenantry operation show op_1",
    ]);
  });
});

function told(error: unknown, json: boolean): string {
  const stream = new PassThrough();
  reportFailure({ error, command: new Command(), json }, stream as unknown as NodeJS.WriteStream);
  return String(stream.read());
}

describe("a failure", () => {
  it("is a problem document and nothing else for programs", () => {
    const problem = { title: "No.", status: 409, code: "slug_taken", errors: [] };
    expect(JSON.parse(told(new CliError(problem), true))).toEqual(problem);
    expect(JSON.parse(told(new TypeError("oops"), true))).toMatchObject({ code: "internal" });
  });

  it("says whose mistake it is when nobody foresaw it", () => {
    expect(told(new TypeError("oops"), false)).toMatch(
      /^Error: This is a mistake in Tenantry itself: TypeError: oops/,
    );
  });

  it("can't take over the terminal", () => {
    expect(told(new CliError({ title: `No "${"x".repeat(10_000)}", sir.` }), false)).toBe(
      `Error: No "${"x".repeat(59)}… sir.\n`,
    );
    expect(told(new CliError({ title: "No \u001b]0;x\u0007 \u202e." }), false)).toBe(
      "Error: No \ufffd]0;x\ufffd \ufffd.\n",
    );
  });
});
