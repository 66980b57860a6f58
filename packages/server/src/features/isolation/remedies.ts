/** What to do about what a driver found wrong with a database or a directory, by its sentence. */
const remedies: readonly [RegExp, string][] = [
  [/has no row-level security/, "ALTER TABLE … ENABLE ROW LEVEL SECURITY, as its owner."],
  [/doesn't force row-level security/, "ALTER TABLE … FORCE ROW LEVEL SECURITY, as its owner."],
  [
    /lacks the policy|lets rows through/,
    "Drop the strange policy and create the seal's, as on tenantry.reference.",
  ],
  [/isn't security_invoker/, "ALTER VIEW … SET (security_invoker = true), as its owner."],
  [/materialised view|foreign table/, "Drop it: rows outside of policies are everybody's."],
  [/may pass row-level security/, "ALTER ROLE … NOBYPASSRLS."],
  [/is a superuser/, "ALTER ROLE … NOSUPERUSER."],
  [
    /rights beyond its database/,
    "ALTER ROLE … NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS.",
  ],
  [/can become|is a member of/, "REVOKE the membership from the role."],
  [/PUBLIC may CONNECT/, "REVOKE CONNECT ON DATABASE … FROM PUBLIC."],
  [/ may .* on | may /, "REVOKE the right from the grantee."],
  [
    /spans environments/,
    "Drop it: an index or constraint has the hidden column tenantry_environment in front.",
  ],
  [/has no secret/, "Give the seal its secret back: restore tenantry.secret; until then nobody gets in."],
  [
    /isn't the one that was installed|is missing/,
    "Restore the function from another database of the application.",
  ],
  [/open to other users/, "chmod 700 the directory; chmod 600 a file of SQLite's."],
  [
    /is no directory|is no file|belongs to the user/,
    "Put the environment's own directory or file back in its place, with its owner.",
  ],
  [/is another database's/, "Two files were swapped: put each back into its own environment's directory."],
  [/may be reached by another name/, "Find the other link to the file (find -samefile) and remove it."],
];

export function remedyOf(sentence: string): string {
  const known = remedies.find(([pattern]) => pattern.test(sentence));
  return known?.[1] ?? "Put it back as it was built, and look who changed it.";
}

/** What keeps a place from serving, but lets nobody in. */
const harmless =
  /isn't there|takes no connections|may not connect|can't log in|isn't a member of|closed to its own user|is damaged|no limit of connections|lacks (?:a|its) key/;

export function lettingNobodyIn(sentence: string): boolean {
  return harmless.test(sentence);
}
