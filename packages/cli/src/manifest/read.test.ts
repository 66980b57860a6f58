import { expect, it } from "vitest";
import { readManifests } from "./read.ts";

const read = (text: string) => readManifests([{ name: "tenants.yaml", text }]);
const head = "apiVersion: tenantry/v1\ntenants:\n";

it("reads every document of every source, JSON as well", () => {
  const first = `${head}  - { slug: acme, name: Acme, plan: null, settings: { maxUsers: 20 } }\n---\n${head}  - slug: globex\n    name: Globex\n    suspended: unpaid\n`;
  const second =
    '{"apiVersion":"tenantry/v1","tenants":[{"slug":"initech","name":"Initech","suspended":false}]}';
  const { tenants, mistakes } = readManifests([
    { name: "a", text: first },
    { name: "b", text: second },
  ]);
  expect(mistakes).toEqual([]);
  expect(tenants).toEqual([
    { slug: "acme", name: "Acme", plan: null, settings: { maxUsers: 20 } },
    { slug: "globex", name: "Globex", suspended: "unpaid" },
    { slug: "initech", name: "Initech", suspended: false },
  ]);
});

it.each([
  [
    "an unknown field",
    `${head}  - slug: acme\n    name: A\n    timezon: UTC\n`,
    /^tenants\.yaml:5:5: timezon: .*Did you mean timezone\?$/,
  ],
  [
    "an unknown field of isolation",
    `${head}  - slug: acme\n    name: A\n    isolation: { databse: shared }\n`,
    /:5:18: isolation\.databse: .*Did you mean database\?$/,
  ],
  [
    "a first user",
    `${head}  - slug: acme\n    name: A\n    admin: {}\n`,
    /:5:5: admin: .*tenantry user create/,
  ],
  [
    "what isn't a hostname",
    `${head}  - slug: acme\n    name: A\n    domains: [www.acme.com, "https://acme.com/"]\n`,
    /:5:29: domains\[1\]: must be a hostname such as www\.acme\.com\.$/,
  ],
  [
    "a domain that stands there twice",
    `${head}  - slug: acme\n    name: A\n    domains: [bücher.de, { hostname: XN--BCHER-KVA.de. }]\n`,
    /:5:26: domains\[1\]: stands there already\.$/,
  ],
  [
    "an unknown field of a domain",
    `${head}  - slug: acme\n    name: A\n    domains: [{ hostname: acme.com, enviroment: staging }]\n`,
    /:5:37: domains\[0\]\.enviroment: .*Did you mean environment\?$/,
  ],
  [
    "a number where text belongs",
    `${head}  - slug: acme\n    name: 42\n`,
    /:4:11: name: must be text\. Write it in quotes: "42"$/,
  ],
  ["a missing name", `${head}  - slug: acme\n`, /:3:5: name: is missing\. Add it\.$/],
  [
    "a missing version",
    "tenants: []\n",
    /:1:1: apiVersion: is missing\. Add at the head: apiVersion: tenantry\/v1$/,
  ],
  ["another version", "apiVersion: v9\ntenants: []\n", /:1:13: apiVersion: must be tenantry\/v1\.$/],
  [
    "a slug that stands there twice",
    `${head}  - { slug: acme, name: A }\n  - { slug: acme, name: B }\n`,
    /:4:13: slug: "acme" is declared already, at tenants\.yaml:3:13\.$/,
  ],
  [
    "a circle of parents",
    `${head}  - { slug: acme, name: A, parent: acme }\n`,
    /:3:13: parent: "acme" would stand below itself/,
  ],
  [
    "a parent's id",
    `${head}  - slug: acme\n    name: A\n    parentId: tnt_1\n`,
    /:5:5: parentId: .*Write `parent`/,
  ],
  ["a key that stands there twice", `${head}  - slug: acme\n    name: A\n    name: B\n`, /:5:5: .*unique/],
  ["what isn't YAML", "tenants: [\n", /^tenants\.yaml:\d+:\d+: /],
  ["nothing", "", /:1:1: There is nothing in it/],
])("tells where %s is", (_what, text, message) => {
  const { mistakes } = read(text);
  expect(mistakes).toHaveLength(1);
  expect(mistakes[0]).toMatch(message);
});

it("tells all mistakes at once", () => {
  expect(
    read(`${head}  - { slug: A, name: A }\n  - { slug: acme, name: A, plan: "No Plan" }\n`).mistakes,
  ).toHaveLength(3);
});
