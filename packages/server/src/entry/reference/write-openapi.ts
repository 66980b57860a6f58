import { writeFile } from "node:fs/promises";
import { openApiReference } from "./openapi.ts";

/** `npm run openapi`: writes the API's description to where clients take it from. */
const file = new URL("../../../../contract/openapi.json", import.meta.url);
await writeFile(file, await openApiReference());
