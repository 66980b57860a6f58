import type { ParsedFile } from "./imports.ts";
import { type Place, placeOf } from "./place.ts";
import type { Target, Workspace } from "./resolve.ts";

/** Everything the rules look at: the files, what each imports, and how features are ranked. */
export interface House {
  files: ParsedFile[];
  edges: Edge[];
  workspaces: Workspace[];
  /** Features from low to high; null when order.json is missing or malformed. */
  featureOrder: string[] | null;
  exemptions: Exemption[];
}

export interface Edge {
  from: Place;
  line: number;
  /** As written in the source; null when computed. */
  specifier: string | null;
  /** Where the imported file of ours stands; null for npm packages, built-ins and unresolved names. */
  to: Place | null;
  target: Target;
}

/** A file that may be longer than the limit, and why. */
export interface Exemption {
  file: string;
  reason: string;
}

export interface Violation {
  file: string;
  line: number;
  rule: string;
  message: string;
  remedy: string;
}

export function edgesOf(file: ParsedFile, resolve: (specifier: string, importer: string) => Target): Edge[] {
  return file.imports.map(({ specifier, line }) => {
    const target: Target =
      specifier === null
        ? { kind: "missing", why: "its name is computed, so its floor cannot be checked" }
        : resolve(specifier, file.path);
    const to = target.kind === "file" ? placeOf(target.path) : null;
    return { from: placeOf(file.path), line, specifier, to, target };
  });
}
