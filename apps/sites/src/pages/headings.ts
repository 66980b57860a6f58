import { type Token, type Tokens, walkTokens } from "marked";

/**
 * Gives a text's headings the levels that follow the page's title: the highest in it becomes the second level, and none
 * skips one, whatever the writer began with.
 */
export function levelHeadings(tokens: Token[]): void {
  const headings: Tokens.Heading[] = [];
  void walkTokens(tokens, (token) => {
    if (token.type === "heading") headings.push(token as Tokens.Heading);
  });
  const highest = Math.min(...headings.map(({ depth }) => depth));
  let before = 1;
  for (const heading of headings) {
    heading.depth = Math.min(heading.depth - highest + 2, before + 1, 6);
    before = heading.depth;
  }
}
