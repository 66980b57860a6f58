import type { Outcome } from "../pages/pages.ts";
import type { PageForm } from "./page-form-view.ts";

type Written = Pick<PageForm, "page" | "text" | "mistakes" | "notice" | "theirs">;

/** The form as the editor gets it back when what was written couldn't be saved: with all of it, and with what to do. */
export function refusedForm(
  outcome: Exclude<Outcome, { kind: "done" }>,
  { page, text }: Pick<Written, "page" | "text">,
): Written {
  switch (outcome.kind) {
    case "slug-taken":
      return {
        page,
        text,
        mistakes: [{ field: "slug", message: "Another page has this address. Choose a different one." }],
      };
    case "too-many":
      return {
        page,
        text,
        notice: {
          tone: "bad",
          title: `This site may have ${outcome.limit} pages, and has them all`,
          text: "What you wrote is still here. Delete a page that isn’t needed any more, in another tab, then save again; or ask whoever runs this service for more.",
        },
      };
    case "changed": {
      const { now } = outcome;
      return {
        page: now,
        text,
        theirs: now,
        notice: {
          tone: "bad",
          title: `${now.updatedBy} changed this page while you were writing`,
          text: "Nothing is lost: your text is in the form, theirs is shown above it. Bring the two together. Saving again replaces theirs.",
        },
      };
    }
    case "gone":
      return {
        text,
        notice: {
          tone: "bad",
          title: "Somebody deleted this page while you were writing",
          text: "Your text is still here. Saving it makes a new page.",
        },
      };
  }
}
