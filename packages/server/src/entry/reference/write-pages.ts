import { mkdir, writeFile } from "node:fs/promises";
import { pages } from "./pages.ts";

const directory = new URL("../../../../../docs/reference/", import.meta.url);

/** `npm run reference`: writes the pages of the reference that come from the code. */
await mkdir(directory, { recursive: true });
for (const [name, write] of Object.entries(pages)) await writeFile(new URL(name, directory), write());
