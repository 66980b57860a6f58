import { LRUCache } from "lru-cache";

/** Longer texts are rare, and would push many others out. */
const longest = 20_000;

/**
 * The same answer for the same text, worked out once while it is among those used lately: `max` texts, which with their
 * answers have a size of `maxSize` together. What throws is worked out anew.
 */
export function remembered<Answer>(
  work: (text: string) => Answer,
  { max, maxSize, sizeOf }: { max: number; maxSize: number; sizeOf(answer: Answer, text: string): number },
): (text: string) => Answer {
  const known = new LRUCache<string, { answer: Answer }>({
    max,
    maxSize,
    sizeCalculation: ({ answer }, text) => text.length + sizeOf(answer, text) + 1,
  });
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found.answer;
    const answer = work(text);
    if (text.length <= longest) known.set(text, { answer });
    return answer;
  };
}

/** For answers that are texts. */
export const lengthOf = (answer: string): number => answer.length;
