import { Worker } from "node:worker_threads";

/** Formats texts, without letting anybody's text stop the process. Make one per process. */
export type Renderer = {
  /**
   * The sanitised HTML of a text in Markdown; undefined when it is too intricate to be formatted in time. One text of a
   * tenant is formatted at a time, so that nobody keeps all workers to themselves.
   */
  render(tenantId: string, text: string): Promise<string | undefined>;
  close(): Promise<void>;
};

type Job = { tenantId: string; text: string; done(html: string | undefined): void };
/** `finish` is there while the worker has a job. */
type Hand = { worker: Worker; finish: ((html: string | undefined) => void) | undefined };

const mostWorkers = 2;
const deadlineMs = 3_000;
const program = new URL("./rendering-worker.ts", import.meta.url);

export function createRenderer(): Renderer {
  const hands = new Set<Hand>();
  const waiting: Job[] = [];
  const served = new Set<string>();

  function startNext(): void {
    const index = waiting.findIndex(({ tenantId }) => !served.has(tenantId));
    const hand = index === -1 ? undefined : freeHand();
    if (!hand) return;
    const [job] = waiting.splice(index, 1);
    run(hand, job!);
    startNext();
  }

  /** Two tenants that ask for much would have both workers to themselves otherwise. */
  function letOthersGoFirst(tenantId: string): void {
    const own = waiting.filter((job) => job.tenantId === tenantId);
    const others = waiting.filter((job) => job.tenantId !== tenantId);
    waiting.splice(0, waiting.length, ...others, ...own);
  }

  function freeHand(): Hand | undefined {
    const free = [...hands].find(({ finish }) => finish === undefined);
    if (free || hands.size >= mostWorkers) return free;
    const hand = hire();
    hands.add(hand);
    return hand;
  }

  function run(hand: Hand, { tenantId, text, done }: Job): void {
    const timer = setTimeout(() => hand.finish?.(undefined), deadlineMs);
    served.add(tenantId);
    hand.finish = (html) => {
      clearTimeout(timer);
      hand.finish = undefined;
      served.delete(tenantId);
      letOthersGoFirst(tenantId);
      if (html === undefined) {
        hands.delete(hand);
        void hand.worker.terminate();
      }
      done(html);
      startNext();
    };
    hand.worker.postMessage(text);
  }

  return {
    render(tenantId, text) {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      waiting.push({ tenantId, text, done: resolve });
      startNext();
      return promise;
    },
    async close() {
      await Promise.all([...hands].map(({ worker }) => worker.terminate()));
    },
  };
}

function hire(): Hand {
  const hand: Hand = { worker: new Worker(program), finish: undefined };
  hand.worker.unref();
  hand.worker.on("message", (html: string) => hand.finish?.(html));
  // Nesting too deep for the stack, or memory used up.
  hand.worker.on("error", () => hand.finish?.(undefined));
  return hand;
}
