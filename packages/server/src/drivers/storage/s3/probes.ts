import { openS3Storage, type S3Address, type S3Reach } from "@tenantry/data";
import { breach, type Probe, type ProbeAnswer, refused } from "../../probe.ts";
import type { StorageGround } from "../ground.ts";
import { reachAsApplication } from "./reach.ts";

const mostMs = 10_000;

/** What the store itself lets through, whoever asks it and however. */
export const s3Probes: readonly Probe<StorageGround>[] = [
  {
    id: "storage.s3-public",
    path: "storage",
    title: "list and read the neighbour's objects without any key",
    remedy: "Remove what opens the bucket to everybody: its policy, its ACL, or those of its objects.",
    applies: isS3,
    async run(ground) {
      const { endpoint, bucket, prefix } = locate(ground).to;
      const query = new URLSearchParams({ "list-type": "2", prefix, "max-keys": "1" });
      const urls = [`${endpoint}/${bucket}?${query}`];
      if (ground.to.markerKey !== undefined) urls.push(objectUrl(locate(ground).to, ground.to.markerKey));
      return noneAnswers(urls, ground.signal);
    },
  },
  {
    id: "storage.s3-signed",
    path: "storage",
    title: "read the neighbour's object by a URL that was signed for its own",
    remedy: "The store doesn't check what a signature is over: don't keep tenants' files there.",
    applies: (ground) =>
      isS3(ground) && ground.from.markerKey !== undefined && ground.to.markerKey !== undefined,
    async run(ground) {
      const { from, to } = locate(ground);
      const { url } = await openS3Storage(from).signDownload(ground.from.markerKey!, {
        expiresInSeconds: 60,
      });
      const turned = objectUrl(to, ground.to.markerKey!) + new URL(url).search;
      return noneAnswers([turned], ground.signal);
    },
  },
  {
    id: "storage.s3-key",
    path: "storage",
    title: "list the neighbour's bucket or prefix with its own key",
    remedy: "Remove what lets others' keys in: the bucket's policy or ACL, and the user's own policies.",
    // Who has the server's key reaches all that it reaches: `tenantry storage show` says so.
    applies: (ground) => isS3(ground) && differ(locate(ground)),
    async run(ground) {
      const { from, to } = locate(ground);
      try {
        await openS3Storage({ ...from, bucket: to.bucket, prefix: to.prefix }).list({ limit: 1 });
      } catch (error) {
        const said = (error as { cause?: { name?: string } }).cause?.name;
        if (said === "AccessDenied" || said === "InvalidAccessKeyId") return refused(said);
        throw error;
      }
      return breach("The neighbour's bucket is listed.");
    },
  },
];

type Places = { from: S3Reach; to: S3Reach };

function differ({ from, to }: Places): boolean {
  return "keySource" in from || "keySource" in to || from.accessKeyId !== to.accessKeyId;
}

function isS3({ driver }: StorageGround): boolean {
  return driver.driver === "s3";
}

function locate({ driver, from, to }: StorageGround): Places {
  return {
    from: reachAsApplication(driver, from.physicalName),
    to: reachAsApplication(driver, to.physicalName),
  };
}

const objectUrl = ({ endpoint, bucket, prefix }: S3Address, key: string): string =>
  `${endpoint}/${bucket}/${(prefix + key).split("/").map(encodeURIComponent).join("/")}`;

async function noneAnswers(urls: readonly string[], signal: AbortSignal): Promise<ProbeAnswer> {
  const statuses: number[] = [];
  for (const url of urls) {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(mostMs)]) });
    await response.body?.cancel();
    if (response.ok) return breach(`${new URL(url).pathname} answers ${response.status}.`);
    if (response.status >= 500) throw new Error(`The store answers ${response.status}.`);
    statuses.push(response.status);
  }
  return refused(`${urls.length} requests answered ${[...new Set(statuses)].join(", ")}`);
}
