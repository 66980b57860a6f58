import type { z } from "zod";
import type { Option } from "./options.ts";

/** What is wrong with the configuration, all of it: one sentence a mistake, with where it stands. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(
      mistakes.length === 1
        ? mistakes[0]!
        : ["The configuration has mistakes:", ...mistakes.map((mistake) => `  - ${mistake}`)].join("\n"),
    );
    this.name = "ConfigError";
    this.mistakes = mistakes;
  }
}

/** Collects mistakes until everything was looked at. */
export class Mistakes {
  readonly #sentences = new Set<string>();

  say(sentence: string): void {
    this.#sentences.add(sentence);
  }

  /** Never says the value: it may be a password. */
  add(where: string, error: z.ZodError): void {
    const message = error.issues[0]!.message;
    this.say(`${where} ${message.startsWith("must") ? message : `is wrong: ${message}`}.`);
  }

  /** Names every key of the file that no option reads. */
  unknownKeys(file: string, contents: Record<string, unknown>, options: readonly Option[]): void {
    const known = options.flatMap(({ path }) => (path ? [path.join("/")] : []));
    const visit = (value: Record<string, unknown>, before: string) => {
      for (const [key, inner] of Object.entries(value)) {
        const at = `${before}${key}`;
        if (known.includes(at)) continue;
        const isGroup = known.some((path) => path.startsWith(`${at}/`));
        if (!isGroup) this.say(`${file} at /${at} isn't known.`);
        else if (typeof inner === "object" && inner !== null)
          visit(inner as Record<string, unknown>, `${at}/`);
        else this.say(`${file} at /${at} must be an object.`);
      }
    };
    visit(contents, "");
  }

  throwAny(): void {
    if (this.#sentences.size > 0) throw new ConfigError([...this.#sentences]);
  }
}
