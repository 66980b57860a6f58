/** Letters of other scripts that look like Latin ones (from Unicode's confusables, UTS 39), and what they look like. */
const latinLike: Readonly<Record<string, string>> = {
  ...{ а: "a", в: "b", с: "c", ԁ: "d", е: "e", ё: "e", һ: "h", і: "i", ї: "i", ј: "j", к: "k", ӏ: "l" },
  ...{ м: "m", н: "h", п: "n", о: "o", р: "p", ԛ: "q", г: "r", ѕ: "s", т: "t", ц: "u", у: "y", ѵ: "v" },
  ...{ ԝ: "w", х: "x", ү: "y", ѡ: "w", ɡ: "g", ı: "i", ɑ: "a" },
  ...{
    α: "a",
    ε: "e",
    η: "n",
    ι: "i",
    κ: "k",
    ν: "v",
    ο: "o",
    ρ: "p",
    τ: "t",
    υ: "u",
    χ: "x",
    γ: "y",
    ω: "w",
  },
};

/** One letter without a Latin twin is enough: the label is a word then, not a disguise. */
const isLatinLike = (letter: string): boolean => Object.hasOwn(latinLike, letter);

const scripts = [
  "Latin",
  "Cyrillic",
  "Greek",
  "Armenian",
  "Hebrew",
  "Arabic",
  "Devanagari",
  "Bengali",
  "Gurmukhi",
  "Gujarati",
  "Tamil",
  "Telugu",
  "Kannada",
  "Malayalam",
  "Thai",
  "Lao",
  "Georgian",
  "Ethiopic",
  "Khmer",
  "Han",
  "Hiragana",
  "Katakana",
  "Hangul",
  "Bopomofo",
] as const;
const tests = scripts.map((script) => [script, new RegExp(`\\p{Script=${script}}`, "u")] as const);

/** Scripts that are written beside each other (UTS 39, "highly restrictive"). */
const together = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Bopomofo"],
  ["Latin", "Han", "Hangul"],
];

/**
 * Whether a label may have been chosen to be taken for another: it mixes scripts that nobody mixes, or is of Cyrillic or
 * Greek letters alone that all look Latin, below a suffix in Latin letters. Browsers show such names in punycode.
 */
export function strangeLabel(label: string, hostname: string): boolean {
  const letters = [...label.normalize("NFC")].filter((letter) => /\p{L}/u.test(letter));
  if (letters.every((letter) => letter <= "\u007f")) return false;
  const present = new Set(letters.map(scriptOf));
  if (present.size > 1) {
    return !together.some((set) => [...present].every((script) => set.includes(script)));
  }
  const suffix = hostname.slice(hostname.lastIndexOf(".") + 1);
  const [script] = present;
  return (
    (script === "Cyrillic" || script === "Greek") && /^[\0-\x7f]*$/.test(suffix) && letters.every(isLatinLike)
  );
}

function scriptOf(letter: string): string {
  return tests.find(([, test]) => test.test(letter))?.[0] ?? "another";
}

/** What is left of a name for a hasty eye: two names with the same skeleton are mistaken for each other. */
export function skeletonOf(name: string): string {
  const plain = name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "");
  return [...plain]
    .map((letter) => latinLike[letter] ?? letter)
    .join("")
    .replaceAll("0", "o")
    .replaceAll("1", "l")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w");
}
