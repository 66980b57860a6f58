import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../testing/database-servers.ts";
import { compareAnswers, type Documented, documentedDifferences } from "../../testing/proofs/compare.ts";
import {
  followed,
  heldByShared,
  laterOf,
  proofNames,
  schemaText,
  scriptOf,
  wholeScriptOf,
} from "../../testing/proofs/index.ts";
import { levelsOn } from "../../testing/proofs/levels.ts";
import { type Answer, playSteps } from "../../testing/proofs/play.ts";
import { schemaOf } from "./driver.testsuite.ts";

describe.each([
  ["PostgreSQL 18", embeddedLikeServer],
  ["PostgreSQL 15", () => givenServer(15)],
] as const)("on %s, an application gets the same answers at every level", (_title, start) => {
  let postgres: TestServer;
  let levels: ReturnType<typeof levelsOn>;
  let documented: Documented;
  beforeAll(async () => {
    documented = await documentedDifferences();
    postgres = await start();
    levels = levelsOn(postgres.url);
  });
  afterAll(async () => {
    await levels?.close();
    await postgres?.stop();
  });

  test.each(proofNames)("%s", async (name) => {
    const text = await schemaText(name);
    const schema = schemaOf(newId(), text);
    const held = schemaOf(newId(), heldByShared(text));
    const own = await levels.build("database", schema);
    const [script, wholeScript] = [await scriptOf(name), await wholeScriptOf(name)];
    const whole = await playSteps(await own.open(), wholeScript);
    for (const level of ["dedicated", "schema"] as const) {
      const home = await levels.build(level, schema);
      expectAlike(level, whole, await playSteps(await home.open(), wholeScript));
      expect(await home.verify()).toEqual([]);
    }
    const expected = whole.filter(({ statement }) => script.some(({ text }) => text === statement));
    const home = await levels.build("shared", held);
    for (const _environment of ["first", "second"]) {
      const answers = await playSteps(await home.open(), script);
      expect(expectAlike("shared", expected, answers)).toContain("details-of-violations");
    }
    expect(await home.verify()).toEqual([]);
  });

  test.each(followed)("%s, after migrations that came later, with rows in place", async (name) => {
    const text = heldByShared(await schemaText(name));
    const { files, script: after } = await laterOf(name);
    const before = await scriptOf(name);
    const appId = newId();
    let expected: Answer[] | undefined;
    for (const level of ["database", "schema", "shared"] as const) {
      const home = await levels.build(level, schemaOf(appId, text));
      const opened = [await home.open()];
      if (level === "shared") opened.push(await home.open());
      for (const database of opened) await playSteps(database, before);
      await home.migrate(schemaOf(appId, text, ...files));
      for (const database of opened) {
        const answers = await playSteps(database, after);
        expected ??= answers;
        expectAlike(level, expected, answers);
      }
      expect(await home.verify()).toEqual([]);
    }
  });

  function expectAlike(level: string, expected: readonly Answer[], answers: readonly Answer[]): string[] {
    const compared = compareAnswers(documented, level, expected, answers);
    expect(compared.unlike).toEqual([]);
    return compared.met;
  }
});

test("every difference that is documented is shown by a statement", async () => {
  const documented = await documentedDifferences();
  const scripts = await Promise.all(proofNames.map((name) => scriptOf(name)));
  const shown = new Set(scripts.flat().flatMap(({ difference }) => difference ?? []));
  expect([...shown, "details-of-violations"].sort()).toEqual([...documented.keys()].sort());
});
