import type { S3Address, TemporaryS3Keys } from "@tenantry/data";
import { placePolicy } from "./policy.ts";
import type { S3Role, S3Server, Until } from "./server.ts";
import { ApiRefused, sendSigned } from "./signed-request.ts";

type At = Pick<S3Server, "region" | "accessKeyId" | "secretAccessKey"> & Until & { role: S3Role };

/**
 * Has the server give a key that is good for one place of files, for so many seconds: STS's AssumeRole with a policy for
 * this session, beyond which the key can do nothing, whatever the role may. Asks anew each time.
 */
export async function assumeRole(
  server: At,
  place: S3Address,
  { name, lastsSeconds }: { name: string; lastsSeconds: number },
): Promise<TemporaryS3Keys> {
  const { region, role, accessKeyId, secretAccessKey } = server;
  const partition = /^arn:(aws[\w-]*):/.exec(role.arn)?.[1];
  const answer = await sendSigned({
    ...{ endpoint: role.endpoint, region, service: "sts", method: "POST", path: "/", until: server },
    keys: { accessKeyId, secretAccessKey },
    form: {
      ...{ Action: "AssumeRole", Version: "2011-06-15", RoleArn: role.arn },
      RoleSessionName: `tenantry-${name}`.slice(0, 64),
      DurationSeconds: String(lastsSeconds),
      Policy: placePolicy(place, partition),
    },
  });
  const given = {
    accessKeyId: valueIn(answer, "AccessKeyId"),
    secretAccessKey: valueIn(answer, "SecretAccessKey"),
    sessionToken: valueIn(answer, "SessionToken"),
  };
  if (given.accessKeyId && given.secretAccessKey && given.sessionToken) return { ...given, lastsSeconds };
  throw new ApiRefused("Refused", 502, "it speaks no STS");
}

const valueIn = (xml: string, name: string): string =>
  new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(xml)?.[1] ?? "";
