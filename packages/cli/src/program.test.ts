import { readFileSync } from "node:fs";
import { databaseLevels, operationStatuses, presets, userRoles, userStatuses } from "@tenantry/contract";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import * as choices from "./choices.ts";
import { factsFor } from "./command.ts";
import { createProgram, everyCommand, fullName } from "./program.ts";

type Operation = { operationId: string; parameters?: { name?: string; schema?: { enum?: string[] } }[] };

const description = JSON.parse(
  readFileSync(new URL("../../contract/openapi.json", import.meta.url), "utf8"),
) as { paths: Record<string, Record<string, Operation>> };
const operations = Object.values(description.paths).flatMap((methods) => Object.values(methods));
/** What applications ask for, by their own keys. */
const forOperators = operations
  .map(({ operationId }) => operationId)
  .filter((id) => !id.startsWith("runtime"));

const program = createProgram();
const acting = everyCommand(program).filter((command) => command.commands.length === 0);
const named = acting.map((command): [string, Command] => [fullName(command), command]);

describe("the commands", () => {
  it("cover every operation of the API's description", () => {
    const called = new Set(acting.flatMap((command) => factsFor(command)?.calls ?? []));
    expect(forOperators.filter((id) => !called.has(id))).toEqual([]);
    expect([...called].filter((id) => !forOperators.includes(id))).toEqual([]);
  });

  it.each(named)(
    "%s says what it does, explains what it takes, and gives an example of itself",
    (name, command) => {
      const facts = factsFor(command)!;
      for (const example of facts.examples)
        expect(`tenantry ${example}`).toMatch(new RegExp(`^${name}( |$)`));
      for (const argument of command.registeredArguments) {
        expect(argument.description || argument.argChoices, argument.name()).toBeTruthy();
      }
      for (const option of command.options) expect(option.description, option.flags).toBeTruthy();
      expect(command.helpInformation()).toContain("Usage: ");
    },
  );

  it.each(named.filter(([, command]) => factsFor(command)?.calls))(
    "%s can be told where the installation is, and prints JSON",
    (_name, command) => {
      const flags = command.options.map(({ long }) => long);
      expect(flags).toEqual(expect.arrayContaining(["--url", "--api-key", "--data-dir", "--json"]));
    },
  );
});

describe("the choices that commands offer", () => {
  it("are those of the API", () => {
    expect(choices.databaseLevels).toEqual(databaseLevels);
    expect(choices.presets).toEqual(presets);
    expect(choices.userRoles).toEqual(userRoles);
    expect(choices.userStatuses).toEqual(userStatuses);
    expect(choices.operationStatuses).toEqual(operationStatuses);
    const listTenants = operations.find(({ operationId }) => operationId === "listTenants")!;
    const status = listTenants.parameters!.find(({ name }) => name === "status")!;
    expect(choices.tenantStatuses).toEqual(status.schema!.enum);
  });
});

describe("the commands that start the server", () => {
  it.each(["up", "serve", "doctor"])("%s takes every flag of the configuration", (name) => {
    const page = readFileSync(new URL("../../../docs/reference/configuration.md", import.meta.url), "utf8");
    const documented = [...page.matchAll(/^\| `(--[a-z-]+)` \|/gm)].map((match) => match[1]);
    expect(documented.length).toBeGreaterThan(10);
    const command = program.commands.find((one) => one.name() === name)!;
    expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(documented));
  });
});
