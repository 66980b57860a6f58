import { writeFile } from "node:fs/promises";
import { cliPage } from "./page.ts";

/** Part of `npm run reference`: writes the page of the command line. */
await writeFile(new URL("../../../../docs/reference/cli.md", import.meta.url), cliPage());
