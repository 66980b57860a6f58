import fc from "fast-check";
import { expect, test } from "vitest";
import { createBag, type InBag, nowhere } from "./bag.ts";

type Member = InBag & { name: number };

test("a bag holds what a Set would hold, whatever is added and deleted, and in whatever order", () => {
  const change = fc.record({ adds: fc.boolean(), name: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const members = Array.from({ length: 10 }, (_, name): Member => ({ name, place: nowhere }));
      const bag = createBag<Member>();
      const set = new Set<Member>();
      for (const { adds, name } of changes) {
        const member = members[name]!;
        if (adds) bag.add(member);
        else bag.delete(member);
        if (adds) set.add(member);
        else set.delete(member);
        expect(bag.size).toBe(set.size);
        expect(new Set(bag)).toEqual(set);
      }
    }),
  );
});

test("members that leave while a bag is gone through keep nobody from being met", () => {
  const bag = createBag<Member>();
  for (let name = 0; name < 5; name += 1) bag.add({ name, place: nowhere });
  const met: number[] = [];
  for (const member of bag) {
    met.push(member.name);
    bag.delete(member);
  }
  expect(met).toEqual([0, 1, 2, 3, 4]);
  expect(bag.size).toBe(0);
});
