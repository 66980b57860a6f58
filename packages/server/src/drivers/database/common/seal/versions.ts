import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { sealFunctionBodies } from "./functions.sql.ts";
import type { SealStrategy } from "./strategy.ts";

/** Counts up with every change of what the seal is made of. What stands says it, so that older nodes let it be. */
export const sealVersion = 8;

export const versionComment = `Tenantry seal, version ${sealVersion}`;

/** All that the domain `tenantry.entry` checks, as one text. */
export const entryCheckText = (domain: string): string =>
  `coalesce((select string_agg(pg_get_constraintdef(oid), '; ' order by conname) from pg_constraint where contypid = ${domain}), '')`;

/** MD5 of functions' bodies by name, and of the domain's check. */
export type SealPrint = Readonly<Record<string, string>>;

/** What earlier versions installed. One of them is as tight as the newest, and is brought up to date. */
const earlier: Record<SealStrategy, readonly SealPrint[]> = {
  parameter: [
    { enter: "f928dc7bbc04ee1f3b143828d329febe" },
    { enter: "9550b32a3b1cfdcd86ad9714724d2b37" },
    { enter: "4f1eb7ca0422ba0fec5995667cbf03fe" },
    {
      enter: "ff12d68471db23911fec1de9984c5b10",
      enter_or_refuse: "64e546ebc2599b0c372d7b145e9696fa",
      entry: "41f92a9befe5b59d6b367e2d3e01560b",
    },
    {
      enter: "5a9c8154a7a144cf13f8daa34b55c332",
      enter_or_refuse: "281db7b293718bd3719e8b177438061f",
      entry: "41f92a9befe5b59d6b367e2d3e01560b",
    },
  ],
  statement: [
    { enter: "4cc4db721f9cdfae44fcd76b2db4557a", environment: "2fdd8f53ca22760d9004082526101234" },
    { enter: "f9ee09124a290ed2362bf69d0a62bb8a", environment: "a4bce01dac96cb1d9deefcf3c1cc988a" },
    { enter: "15a932861f5bfdb4f1f30ccf595cf4f3", environment: "71198bce47d2f20ce988c747880344eb" },
    {
      enter: "ff12d68471db23911fec1de9984c5b10",
      enter_or_refuse: "c0465f9aca535b45ee9a7dfa66af04d7",
      environment: "71198bce47d2f20ce988c747880344eb",
      entry: "eb804754c64da24d77497a6f9dcd6fa1",
    },
    {
      enter: "5a9c8154a7a144cf13f8daa34b55c332",
      enter_or_refuse: "c47c3409878dd71c047e2bc6dfab6a79",
      environment: "78bfe3544b7bc69c50f350ecafd359de",
      entry: "eb804754c64da24d77497a6f9dcd6fa1",
    },
  ],
};

/** Of the check as PostgreSQL prints it, the same on 15 and 18: whoever changes it has to look at it there again. */
const printOfEntry: Record<SealStrategy, string> = {
  parameter: "932bf5307628def205577e1c608fa89d",
  statement: "2b8156258f33ca15599f89e50323777f",
};

/** What this version installs. */
function printOf(strategy: SealStrategy): SealPrint {
  const bodies = Object.entries(sealFunctionBodies(strategy));
  const functions = bodies.map(([name, body]) => [name, createHash("md5").update(body).digest("hex")]);
  return { ...Object.fromEntries(functions), entry: printOfEntry[strategy] };
}

/**
 * Which version of the seal stands, and what its functions have to look like. `later`: a newer node has made it, and looks
 * after it. What is like none is judged as if it were to be the newest.
 */
export async function selectVersion(
  client: ClientBase,
  strategy: SealStrategy,
): Promise<{ age: "current" | "earlier" | "later" | "unknown"; print: SealPrint }> {
  const { rows } = await client.query<{ noted: number | null; standing: SealPrint }>(
    `select substring(obj_description(n.oid, 'pg_namespace') from '^Tenantry seal, version ([0-9]{1,6})$')::int as noted,
       coalesce((select jsonb_object_agg(name, print) from (
         select proname as name, md5(prosrc) as print from pg_proc
           where pronamespace = n.oid and proname in ('enter', 'enter_or_refuse', 'environment', 'policies_come_first')
         union all select t.typname, md5(${entryCheckText("t.oid")}) from pg_type t
           where t.typnamespace = n.oid and t.typname = 'entry') parts), '{}') as standing
     from pg_namespace n where n.nspname = 'tenantry'`,
  );
  const { noted, standing } = rows[0]!;
  const current = printOf(strategy);
  if (noted !== null && noted > sealVersion) return { age: "later", print: {} };
  if (isSame(current, standing))
    return { age: noted === sealVersion ? "current" : "earlier", print: current };
  const known = earlier[strategy].find((print) => isSame(print, standing));
  return known ? { age: "earlier", print: known } : { age: "unknown", print: current };
}

function isSame(one: SealPrint, other: SealPrint): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
