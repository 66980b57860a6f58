import { redisAttacks } from "../../drivers/cache/redis/attack-list.ts";
import { type S3Outcome, type S3Way, s3Attacks, s3OutcomeOf } from "../../drivers/storage/s3/attacks/list.ts";
import { page, table } from "./markdown.ts";

const ways: readonly S3Way[] = ["user", "temporary", "bucket"];

/** What the attack suites try with one environment's own key for S3, and its own user of Redis. */
export function storeAttacksPage(): string {
  const files = [...Map.groupBy(s3Attacks, ({ group }) => group)].flatMap(([group, list]) => [
    `### ${group}`,
    table(
      ["Attack", "prefix, own user", "prefix, key for a time", "bucket, own user"],
      list.map((attack) => [attack.title, ...ways.map((way) => words(s3OutcomeOf(attack, way)))]),
    ),
  ]);
  return page(
    "Attacks on files and caches",
    'One environment with its own key, or its own user and password, and any client, against its neighbour on the same server. The tests play each line against real servers, and look afterwards that the neighbour has what it had. "Refused": an error. "Nothing": it runs, and neither shows nor changes anything of the neighbour\'s. Where applications have the server\'s own key or URL, none of this holds; registering a server says so.',
    "## Files in S3",
    "Against Ceph's radosgw. How the keys come about: [Tenants' files](../guides/storage.md#whose-key). Requests that are signed are refused when anything in them is changed: object, bucket, method, expiry, a parameter more, an upload's type and length.",
    ...files,
    "## Caches in Redis",
    "Against Redis, at the levels `prefix` and `user` (database 0) and `database`, with keyspace notifications, DEBUG and modules switched on. `own` is the same user on a server of its own. Every command is refused, one at a time; `mine` is the user's name, which its own keys begin with, `theirs` the neighbour's. What is allowed at all is [one list](../../packages/server/src/drivers/cache/redis/rights.ts).",
    ...redisAttacks.map(({ group, commands }) => {
      const shown = commands({ name: "mine", other: "theirs", database: 0, port: 6379 }).map(shownCommand);
      return `### ${group}\n\n${shown.join(" · ")}`;
    }),
  );
}

const shownCommand = (command: readonly string[]): string =>
  `\`${command.map((word) => (word === "" ? '""' : word.replaceAll("\n", " "))).join(" ")}\``;

const words = (outcome: S3Outcome): string =>
  typeof outcome === "string" ? outcome : `limit: ${outcome.limit}`;
