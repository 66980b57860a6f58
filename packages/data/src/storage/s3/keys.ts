import { DataError, InvalidArgument, StorageUnavailable } from "../../errors.ts";

export type S3Keys = { accessKeyId: string; secretAccessKey: string };

/** A key that is good for a time, counted from the moment when it was asked for: no two clocks have to agree. */
export type TemporaryS3Keys = S3Keys & { sessionToken: string; lastsSeconds: number };

/** Gives keys to a place of files that are good now, and for so many seconds more. */
export type S3KeySource = {
  /** Throws `StorageUnavailable` when there are none to be had, and `InvalidArgument` for more than they can last. */
  get(forSeconds?: number): Promise<S3Keys & { sessionToken: string }>;
};

/** Stores give keys for a quarter of an hour at least, and for an hour unless a role says otherwise. */
export const shortestKeysSeconds = 900;
export const longestKeysSeconds = 3_600;

/** So long must a key last for a request that begins now. */
const marginSeconds = 30;
const askAgainMs = 5_000;

type Held = { keys: TemporaryS3Keys; until: number; renewAt: number };

/**
 * Keys that are asked for when they are needed first, and again at half their life while the old ones go on being good:
 * whoever gives them may be away for that long. Many at once ask once.
 */
export function createS3KeySource(
  ask: (lastsSeconds: number) => Promise<TemporaryS3Keys>,
  now: () => number = () => performance.now(),
): S3KeySource {
  let held: Held | undefined;
  let asking: { lastsSeconds: number; answer: Promise<Held> } | undefined;

  async function askNow(lastsSeconds: number): Promise<Held> {
    const begun = now();
    try {
      const keys = await ask(lastsSeconds);
      const lifeMs = keys.lastsSeconds * 1_000;
      held = { keys, until: begun + lifeMs, renewAt: begun + lifeMs / 2 };
      return held;
    } catch (error) {
      if (held) held.renewAt = now() + askAgainMs;
      throw error instanceof DataError ? error : new StorageUnavailable({ cause: error });
    }
  }

  function renew(lastsSeconds: number): Promise<Held> {
    if (asking && asking.lastsSeconds >= lastsSeconds) return asking.answer;
    const answer = askNow(lastsSeconds).finally(() => {
      if (asking?.answer === answer) asking = undefined;
    });
    asking = { lastsSeconds, answer };
    return answer;
  }

  return {
    async get(forSeconds = 0) {
      const needed = forSeconds + marginSeconds;
      if (needed > longestKeysSeconds) {
        const most = longestKeysSeconds - marginSeconds;
        throw new InvalidArgument(
          `A signed request lasts ${most} seconds at most here, since it is signed with a key that is given for a time.`,
        );
      }
      const time = now();
      if (held && held.until - time >= needed * 1_000) {
        // The old keys do meanwhile; whoever needs new ones is told why there are none.
        if (time >= held.renewAt) renew(shortestKeysSeconds).catch(() => undefined);
        return held.keys;
      }
      return (await renew(Math.max(shortestKeysSeconds, needed))).keys;
    },
  };
}
