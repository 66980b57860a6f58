// Runs after `npm ci`, on whatever Node there is: makes `node` in npm scripts mean the Node that npm installed.
// npm 10 loses that link: it removes the other architecture's package together with its link of the same name.
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const binary = `node-${process.platform}-${process.arch}/bin/node`;
const link = join(modules, ".bin/node");

// Where npm has no Node for this machine, the one that is running must do; it is checked at start.
if (existsSync(join(modules, binary))) {
  rmSync(link, { force: true });
  symlinkSync(join("..", binary), link);
}
