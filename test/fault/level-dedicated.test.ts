import type { OperationReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { recordingOf } from "../support/hold.ts";
import { holdSpares } from "../support/spares.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const recorded = (step: string): Place => ({
  ...{ step, when: "when all is done but recording it", point: recordingOf(step) },
});

/** Each with those that let it pass: of those who make a server and haven't said so, others wait for one. */
const together: Place[][] = [
  [
    recorded("create-database"),
    recorded("remove-database"),
    {
      step: "create-database",
      when: "before its server is declared finished",
      point: { before: "update", on: "resources", when: "new.kind = 'server' and new.state = 'present'" },
    },
  ],
  [
    {
      step: "remove-database",
      when: "before the registry forgets it",
      point: { before: "delete", on: "database_servers" },
    },
    {
      step: "create-database",
      when: "when the server runs and the registry doesn't know where",
      point: { before: "update", on: "database_servers", when: "old.state = 'creating'" },
    },
  ],
];

describe("kill -9 of everything while tenants get a server of their own, or lose it", () => {
  it.each(together.map(titled))(
    "%s: each becomes active or is gone, and nothing is left over or missing",
    async (_title, places) => {
      const slugs = new Map(places.map((place) => [place, fresh("tenant")]));
      const leaves = ({ step }: Place) => step === "remove-database";
      const isolation = { database: "dedicated" };
      for (const one of places.filter(leaves))
        await installation.api.createTenant(slugs.get(one)!, { isolation });
      // Nobody gets a server that stands ready, and none is made or removed at the places where we wait.
      await using _spares = await holdSpares(installation);
      const all = await killInsideEach(installation, places, async (place) => {
        const slug = slugs.get(place)!;
        if (leaves(place)) return beginRemoval(slug);
        const body = { slug, name: `The ${slug} company`, isolation };
        return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
      });
      for (const { place, ended } of all) {
        expect(ended, place.when).toMatchObject({ status: "succeeded" });
        const page = await installation.visit(slugs.get(place)!);
        if (leaves(place)) expect(page.status).toBe(404);
        else expect(page.body).toContain(`The ${slugs.get(place)} company`);
      }
      await becomesWhole(installation);
      for (const one of places.filter((place) => !leaves(place))) {
        const ended = await installation.api.ended(await beginRemoval(slugs.get(one)!));
        expect(ended, one.when).toMatchObject({ status: "succeeded" });
      }
      await becomesWhole(installation);
    },
  );
});

async function beginRemoval(slug: string): Promise<string> {
  return (await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`)).body.id;
}
