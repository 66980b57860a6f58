import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { cliPage } from "./page.ts";

it("the reference of the command line is as the commands say (else: npm run reference)", async () => {
  const committed = await readFile(new URL("../../../../docs/reference/cli.md", import.meta.url), "utf8");
  expect(committed).toBe(cliPage());
});
