import type { SequenceOptions } from "../../../catalog/catalog.ts";
import type { State } from "../../../catalog/read-state.ts";
import { reference, text } from "../../quote.ts";
import { differ } from "./delta.ts";

type Counter = Pick<
  SequenceOptions,
  "start" | "increment" | "minimum" | "maximum" | "cycle" | "lastValue" | "called"
> & { name: string };

/** Counters by what tells them from others: sequences, and identity columns by their table and number. */
export function countersOf(state: State): Map<string, Counter> {
  const found = new Map<string, Counter>();
  for (const { node, object } of state.known) {
    if (object.kind === "sequence") found.set(node, { ...object, name: reference(object) });
    if (object.kind !== "table") continue;
    for (const { number, name } of state.parts.get(node) ?? []) {
      const sequence = object.columns.find((column) => column.name === name)?.identity?.sequence;
      if (sequence) found.set(`${node}#${number}`, { ...sequence, name: reference(sequence) });
    }
  }
  return found;
}

/** Statements that follow what became of sequences. Each environment's count goes along with a new name. */
export function counterChanges(before: State, after: State): string[] {
  const [earlier, later] = [countersOf(before), countersOf(after)];
  const gone = [...earlier].filter(([key]) => !later.has(key)).map(([, { name }]) => remove(name));
  const kept = [...later].flatMap(([key, counter]) => {
    const was = earlier.get(key);
    return was ? [...renamed(was, counter), ...changed(was, counter)] : [];
  });
  const made = [...later].filter(([key]) => !earlier.has(key)).map(([, counter]) => insert(counter));
  return [...gone, ...kept, ...made];
}

/**
 * Statements that have new environments begin where the migrations leave the sequences now. Those that are there go on
 * where they are.
 */
export function counterBeginnings(before: State, after: State): string[] {
  const earlier = countersOf(before);
  return [...countersOf(after)].flatMap(([key, counter]) => {
    const was = earlier.get(key);
    if (was && first(was) === first(counter)) return [];
    return [
      `insert into tenantry.count select a.environment, c.name, c.first - c.step
         from tenantry.admitted a cross join tenantry.counter c where c.name = ${text(counter.name)}
         on conflict (environment, name) do nothing`,
      begin(counter),
    ];
  });
}

const first = ({ lastValue, called, increment }: Counter): bigint =>
  BigInt(lastValue) + (called ? BigInt(increment) : 0n);

const begin = (counter: Counter): string =>
  `update tenantry.counter set first = ${first(counter)} where name = ${text(counter.name)}`;

const remove = (name: string): string => `delete from tenantry.counter where name = ${text(name)}`;

/** The rows that are there take their numbers from it first, each environment's its own. */
function insert(counter: Counter): string {
  const { name, start, increment, minimum, maximum, cycle } = counter;
  return `insert into tenantry.counter values (${text(name)}, ${start}, ${increment}, ${minimum}, ${maximum}, ${cycle})`;
}

function renamed(was: Counter, now: Counter): string[] {
  if (was.name === now.name) return [];
  return [
    `insert into tenantry.counter select ${text(now.name)}, first, step, least, greatest, cycles
       from tenantry.counter where name = ${text(was.name)}`,
    `update tenantry.count set name = ${text(now.name)} where name = ${text(was.name)}`,
    remove(was.name),
  ];
}

function changed(was: Counter, now: Counter): string[] {
  const options = ({ increment, minimum, maximum, cycle }: Counter) => ({
    increment,
    minimum,
    maximum,
    cycle,
  });
  const statements: string[] = [];
  if (differ(options(was), options(now))) {
    statements.push(
      `update tenantry.counter set step = ${now.increment}, least = ${now.minimum}, greatest = ${now.maximum},
         cycles = ${now.cycle} where name = ${text(now.name)}`,
    );
  }
  // Said by a statement about the sequence itself: it begins anew there, for everybody.
  if (was.lastValue !== now.lastValue || was.called !== now.called) {
    statements.push(
      begin(now),
      `update tenantry.count set value = ${first(now) - BigInt(now.increment)} where name = ${text(now.name)}`,
    );
  }
  return statements;
}
