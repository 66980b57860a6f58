import { oneLine } from "../one-line.ts";
import type { PageText } from "./page.ts";
import { mistakeInSlug, slugOf, tidySlug } from "./slug.ts";

export type FormMistake = { field: keyof PageText; message: string };

const longestTitle = 200;
const longestDescription = 300;
const longestBody = 200_000;

/**
 * What was typed, tidied, and what is wrong with it. An empty address is made of the title. Nothing is ever cut off:
 * whoever typed too much gets it all back.
 */
export function readPageForm(form: Record<string, string>): { text: PageText; mistakes: FormMistake[] } {
  const title = oneLine(form.title);
  const typedSlug = tidySlug(form.slug ?? "");
  const text: PageText = {
    title,
    slug: typedSlug === "" ? slugOf(title) : typedSlug,
    description: oneLine(form.description),
    body: (form.body ?? "").replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]/gu, ""),
  };
  return { text, mistakes: mistakesIn(text) };
}

function mistakesIn({ title, slug, description, body }: PageText): FormMistake[] {
  const mistakes: FormMistake[] = [];
  if (title === "") mistakes.push({ field: "title", message: "Give the page a title." });
  if (title.length > longestTitle) mistakes.push(tooLong("title", "The title", title, longestTitle));
  const inSlug = title === "" && slug === "" ? undefined : mistakeInSlug(slug);
  if (inSlug !== undefined) mistakes.push({ field: "slug", message: inSlug });
  if (description.length > longestDescription) {
    mistakes.push(tooLong("description", "The description", description, longestDescription));
  }
  if (body.length > longestBody) mistakes.push(tooLong("body", "The text", body, longestBody));
  return mistakes;
}

function tooLong(field: keyof PageText, what: string, text: string, longest: number): FormMistake {
  const [has, may] = [text.length.toLocaleString("en"), longest.toLocaleString("en")];
  return { field, message: `${what} has ${has} characters, and may have ${may}. Shorten it.` };
}
