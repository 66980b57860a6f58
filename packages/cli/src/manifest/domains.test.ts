import { expect, it } from "vitest";
import { type DeclaredDomain, domainSteps, type StandingDomain, told } from "./domains.ts";
import { creationBody } from "./requests.ts";

const at = (hostname: string, environment = "production", isVouchedFor = false): StandingDomain => ({
  ...{ hostname, environment, isVouchedFor },
});

const names = (count: number) => Array.from({ length: count }, (_, number) => `${number}.com`);

it.each<[string, DeclaredDomain[] | undefined, StandingDomain[], unknown[]]>([
  ["keeps those of a tenant that declares none", undefined, [at("a.com")], []],
  ["takes all away by an empty list", [], [at("a.com")], [["a.com", "production", null]]],
  [
    "adds, and takes away what is left once that is done",
    [{ hostname: "b.com" }],
    [at("a.com")],
    [
      ["b.com", null, "production"],
      ["a.com", "production", null],
    ],
  ],
  [
    "takes away first as many as stand in the way of new ones, where a tenant has all that it may",
    [{ hostname: "new.com" }, ...names(99).map((hostname) => ({ hostname }))],
    names(100).map((hostname) => at(hostname)),
    [
      ["99.com", "production", null],
      ["new.com", null, "production"],
    ],
  ],
  ["knows a name in every spelling", [{ hostname: "Bücher.de." }], [at("xn--bcher-kva.de")], []],
  ["leaves a vouched one to whoever vouched", [{ hostname: "a.com" }], [at("a.com", "production", true)], []],
  [
    "vouches for one that stands",
    [{ hostname: "a.com", verified: true }],
    [at("a.com")],
    [["a.com", "production", "production, vouched for"]],
  ],
  [
    "leads to another environment",
    [{ hostname: "a.com" }],
    [at("a.com", "staging", true)],
    [["a.com", "staging, vouched for", "production"]],
  ],
])("a plan of domains %s", (_what, declared, existing, expected) => {
  const steps = domainSteps(declared, existing);
  expect(steps.map(({ hostname, from, to }) => [hostname, told(from), told(to)])).toEqual(expected);
});

it("names alone are claimed with a new tenant, before customDomains is turned off for it", () => {
  const acme = { slug: "acme", name: "Acme", settings: { customDomains: false, maxUsers: 3 } };
  const domains = [{ hostname: "a.com" }];
  expect(creationBody({ ...acme, domains })).toMatchObject({ domains: ["a.com"], settings: { maxUsers: 3 } });
  expect(creationBody({ ...acme, domains: [] }).settings).toHaveProperty("customDomains", false);
  const vouched = [...domains, { hostname: "b.test", verified: true as const }];
  expect(creationBody({ ...acme, domains: vouched })).not.toHaveProperty("domains");
});
