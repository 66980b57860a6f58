import type { IsolationParts } from "../features/isolation/index.ts";
import { deleteWorkflow, provisionWorkflow } from "../features/lifecycle/index.ts";
import type { Config } from "../infra/config/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { loadDocumentSigner } from "../infra/signing/index.ts";
import { gatewayAddress, issuerOf } from "./addresses.ts";
import type { createDrivers } from "./drivers.ts";

type Given = Pick<IsolationParts, "db" | "log" | "settings" | "settled" | "placements" | "api"> & {
  config: Config;
  secrets: Secrets;
  installation: { id: string };
  gatewayPort: number;
  gatewayTlsPort?: number | undefined;
  drivers: Pick<ReturnType<typeof createDrivers>, "storage" | "cache">;
};

/** What verifications of isolation work with: their canaries are provisioned and deleted as every tenant is. */
export function isolationParts(input: Given): IsolationParts {
  const { config, db, log, secrets, settings, settled, placements, api, drivers } = input;
  const { rootDomain } = config;
  return {
    ...{ db, log, settings, settled, placements, api, rootDomain },
    provision: provisionWorkflow({ placements, rootDomain }),
    deletion: deleteWorkflow({ placements }),
    drivers,
    installation: issuerOf(input.installation.id),
    signer: () => loadDocumentSigner(db, secrets),
    async gateway() {
      const address = gatewayAddress(config, input.gatewayPort);
      // Without certificates there is no secured connection to try anything on.
      const isSecure = await settings.get<boolean>(db, "automaticTls");
      return isSecure ? { ...address, tlsPort: input.gatewayTlsPort } : address;
    },
  };
}
