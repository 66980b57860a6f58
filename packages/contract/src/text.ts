import { z } from "zod";

/** A line for people. Control characters and bidirectional overrides would let it lie about itself in lists and logs. */
export function plainText(max: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u, "has control or direction characters")
    .meta({ examples: ["Some text"] });
}
