import { enableCompileCache } from "node:module";
import path from "node:path";

// What Node.js compiled is kept, which halves the work of the next start. Only where this process may write it: started
// as a user of its own it may not, and then it goes without.
enableCompileCache(path.join(import.meta.dirname, "../../../node_modules/.cache/sites"));
await import("./run.ts");
