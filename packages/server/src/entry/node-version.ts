const oldest = 24;

/** Ends the process with a sentence, instead of a stack trace later, when Node.js is too old. */
export function requireNode(): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= oldest) return;
  process.stderr.write(
    `Tenantry needs Node.js ${oldest} or newer, and this is ${process.versions.node}. ` +
      "Run `npm ci` and start with `npm start`: that brings its own.\n",
  );
  process.exit(1);
}
