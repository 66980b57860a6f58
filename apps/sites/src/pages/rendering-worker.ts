import { parentPort } from "node:worker_threads";
import { renderMarkdown } from "./markdown.ts";

// A thread of its own: a text can be so intricate that formatting it takes minutes, and everybody else would wait.
parentPort!.on("message", (text: string) => {
  parentPort!.postMessage(renderMarkdown(text));
});
