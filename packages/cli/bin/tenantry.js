#!/usr/bin/env node
// Plain JavaScript that any Node.js can read: it finds one that is new enough, or says what is missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { dirname, join } from "node:path";

const oldest = 24;

if (Number(process.versions.node.split(".")[0]) >= oldest) {
  rememberCompiled();
  const { main } = await import("../src/main.ts");
  process.exitCode = await main(process.argv);
} else {
  const newer = findNode();
  if (newer === undefined) {
    process.stderr.write(
      `Tenantry needs Node.js ${oldest} or newer, and this is ${process.versions.node}. Run \`npm ci\` in its folder: that brings its own.\n`,
    );
    process.exit(1);
  }
  runWith(newer);
}

/**
 * Has Node.js keep what it compiled, ours and the server's: that is half the work of a command. It lies where the code
 * lies, so whoever may write there could change the code as well. Where nobody may, nothing is kept.
 */
function rememberCompiled() {
  const here = import.meta.dirname;
  const installed = here.lastIndexOf("/node_modules/");
  const root = installed < 0 ? join(here, "../../..") : here.slice(0, installed);
  process.env.NODE_COMPILE_CACHE ||= join(root, "node_modules/.cache/tenantry");
  module.enableCompileCache();
}

/** Runs the same command line with another Node.js, which must not outlive us: what we are told, it is told. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // A terminal sends Ctrl-C to both of us; the child decides what it means.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => {
    process.stderr.write(`${node} can't be run: ${error.message}\n`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** The Node.js that npm installed beside us. */
function findNode() {
  try {
    const manifest = module
      .createRequire(import.meta.url)
      .resolve(`node-${process.platform}-${process.arch}/package.json`);
    const file = join(dirname(manifest), "bin", "node");
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}
