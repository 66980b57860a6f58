import { parseSync, Visitor } from "oxc-parser";
import type { SourceFile } from "./source-files.ts";

/** One mention of another module: import, export from, import(), import type, require(). */
export interface ImportMention {
  /** null: the name is computed, so nobody can tell what it imports. */
  specifier: string | null;
  line: number;
}

export interface ParsedFile extends SourceFile {
  imports: ImportMention[];
  /** Lines that read the process's environment variables. */
  environmentReads: number[];
  lineCount: number;
  syntaxErrors: { line: number; message: string }[];
}

interface Literal {
  type: string;
  value?: unknown;
}

/** Parses with a real parser: text in comments and strings is never taken for an import. */
export function parseFile(file: SourceFile): ParsedFile {
  const result = parseSync(file.path, file.text, { sourceType: "module" });
  const lineOf = lineCounter(file.text);
  const imports: ImportMention[] = [];
  const environmentReads: number[] = [];
  const mention = (source: Literal | null | undefined, start: number) => {
    if (!source) return;
    imports.push({ specifier: literalText(source), line: lineOf(start) });
  };

  new Visitor({
    ImportDeclaration(node) {
      mention(node.source, node.start);
      const named = node.specifiers.some(
        (it) => it.type === "ImportSpecifier" && nameOf(it.imported) === "env",
      );
      if (named && isProcessModule(node.source.value)) environmentReads.push(lineOf(node.start));
    },
    ExportNamedDeclaration: (node) => mention(node.source, node.start),
    ExportAllDeclaration: (node) => mention(node.source, node.start),
    ImportExpression: (node) => mention(node.source, node.start),
    TSImportType: (node) => mention(node.source, node.start),
    TSExternalModuleReference: (node) => mention(node.expression, node.start),
    CallExpression(node) {
      if (nameOf(node.callee) === "require") mention(node.arguments[0], node.start);
    },
    MemberExpression(node) {
      const property = node.computed ? literalText(node.property) : nameOf(node.property);
      if (property === "env" && isProcess(node.object)) environmentReads.push(lineOf(node.start));
    },
    VariableDeclarator(node) {
      if (node.id.type !== "ObjectPattern" || !node.init || !isProcess(node.init)) return;
      const takesEnvironment = node.id.properties.some(
        (it) => it.type === "Property" && nameOf(it.key) === "env",
      );
      if (takesEnvironment) environmentReads.push(lineOf(node.start));
    },
  }).visit(result.program);

  return {
    ...file,
    imports,
    environmentReads,
    lineCount: countLines(file.text),
    syntaxErrors: result.errors.map((it) => ({
      line: lineOf(it.labels[0]?.start ?? 0),
      message: it.message,
    })),
  };
}

function literalText(node: Literal): string | null {
  return node.type === "Literal" && typeof node.value === "string" ? node.value : null;
}

function nameOf(node: { type: string; name?: unknown }): string | null {
  return node.type === "Identifier" && typeof node.name === "string" ? node.name : null;
}

function isProcessModule(specifier: string): boolean {
  return specifier === "process" || specifier === "node:process";
}

/** `process` or `globalThis.process`. */
function isProcess(node: {
  type: string;
  name?: unknown;
  property?: { type: string; name?: unknown };
}): boolean {
  const name = node.type === "MemberExpression" && node.property ? nameOf(node.property) : nameOf(node);
  return name === "process";
}

function countLines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

function lineCounter(text: string): (offset: number) => number {
  return (offset) => text.slice(0, offset).split("\n").length;
}
