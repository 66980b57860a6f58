/** Something that a bag can hold, and only one bag at a time: it remembers where in it. */
export type InBag = { place: number };

/** The place of what is in no bag. */
export const nowhere = -1;

export type Bag<Member extends InBag> = Iterable<Member> & {
  readonly size: number;
  add(member: Member): void;
  /** What isn't in it is left alone. */
  delete(member: Member): void;
};

/**
 * Holds, in no order, what comes and goes with every request. A `Set` is no place for that: V8 rebuilds one after some
 * deletions, and the table that it replaces goes on holding its members and the next table. Once such a table is in the
 * old generation, each minor collection keeps, copies and ages all requests since: pauses of 15 ms instead of 0.4.
 */
export function createBag<Member extends InBag>(): Bag<Member> {
  const members: Member[] = [];
  return {
    get size() {
      return members.length;
    },
    add(member) {
      if (members[member.place] === member) return;
      member.place = members.push(member) - 1;
    },
    delete(member) {
      const { place } = member;
      if (members[place] !== member) return;
      const last = members.pop()!;
      member.place = nowhere;
      if (last === member) return;
      members[place] = last;
      last.place = place;
    },
    // Members may leave while they are gone through: each that stays is met.
    [Symbol.iterator]: () => [...members].values(),
  };
}
