import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, describe, expect, it } from "vitest";
import { openApiReference } from "./openapi.ts";

type Operation = { operationId: string; summary: string; tags: string[]; responses: Record<string, unknown> };
type Description = { paths: Record<string, Record<string, Operation>>; tags: { name: string }[] };

let text: string;
let operations: { route: string; operation: Operation }[];
beforeAll(async () => {
  text = await openApiReference();
  const { paths } = JSON.parse(text) as Description;
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, operation })),
  );
});

describe("the API's committed description", () => {
  it("is what the routes say (else: npm run openapi)", async () => {
    const committed = await readFile(new URL("../../../../contract/openapi.json", import.meta.url), "utf8");
    expect(committed).toBe(text);
  });

  it("comes out the same each time", async () => {
    expect(await openApiReference()).toBe(text);
  });

  it("is valid OpenAPI 3.1", async () => {
    const { errors, valid } = await new Validator().validate(JSON.parse(text));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it("gives every operation a name of its own, and a tag that is described", () => {
    const names = operations.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    const described = (JSON.parse(text) as Description).tags.map(({ name }) => name);
    expect(new Set(operations.flatMap(({ operation }) => operation.tags))).toEqual(new Set(described));
  });

  it("says of every operation what it answers when all is well", () => {
    for (const { route, operation } of operations) {
      const good = Object.keys(operation.responses).filter((status) => status.startsWith("2"));
      expect(good.length, route).toBeGreaterThan(0);
      expect(JSON.stringify(operation.responses), route).not.toContain("Default Response");
    }
  });
});
