import { echo, failure } from "../../kernel/index.ts";
import type { Api } from "./types.ts";

/** Answers what no route takes: 405 with `Allow` when the path exists under another method, 404 otherwise. */
export function answerUnknownRoutes(api: Api): void {
  const methodsByPath = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  api.addHook("onRoute", (route) => {
    const known = methodsByPath.get(route.url) ?? { pattern: patternOf(route.url), methods: new Set() };
    for (const method of [route.method].flat()) known.methods.add(method);
    methodsByPath.set(route.url, known);
  });

  api.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0]!;
    const methods = [...methodsByPath.values()].flatMap((route) =>
      route.pattern.test(path) ? [...route.methods] : [],
    );
    const where = `${request.method} ${echo(path)}`;
    if (methods.length === 0 || methods.includes(request.method)) {
      throw failure("not_found", { detail: `There is nothing at ${where}.` });
    }
    const allowed = [...new Set(methods)].sort().join(", ");
    reply.header("allow", allowed);
    throw failure("method_not_allowed", { detail: `${where} isn't there, but ${allowed} would be.` });
  });
}

function patternOf(url: string): RegExp {
  const parts = url.split(/(:[A-Za-z]\w*|\*)/).map((part) => {
    if (part === "*") return ".*";
    return part.startsWith(":") ? "[^/]+" : RegExp.escape(part);
  });
  return new RegExp(`^${parts.join("")}$`);
}
