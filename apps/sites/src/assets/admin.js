/* The editor, made more comfortable. Everything works without this. */

const editor = document.querySelector("form.editor");
if (editor) {
  warnOfLoss(editor);
  livePreview(editor);
  offerInsertion(editor);
}
offerCopying();
offerRevealing();
sendOnce();
checkSizes();

/** Whoever leaves with text that isn't saved is asked first. */
function warnOfLoss(form) {
  let changed = form.querySelector(".theirs") !== null;
  form.addEventListener("input", () => {
    changed = true;
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}

/** Shows what the text will look like, and keeps up with it. */
function livePreview(form) {
  const section = form.querySelector("[data-preview]");
  const button = form.querySelector("[data-preview-button]");
  const output = section?.querySelector(".prose");
  if (!button || !output) return;
  let timer;
  let newest = 0;

  async function show() {
    const mine = ++newest;
    const response = await fetch("/admin/pages/preview", {
      method: "POST",
      headers: { accept: "text/x-fragment" },
      body: new URLSearchParams(new FormData(form)),
    });
    const markup = await response.text();
    // What the server answers was sanitised there; an answer that was overtaken is dropped.
    if (mine !== newest) return;
    if (response.ok) output.innerHTML = markup;
    else output.textContent = "The preview isn’t available at the moment.";
  }

  function refresh() {
    show().catch(() => {
      output.textContent = "The preview isn’t available at the moment.";
    });
  }

  button.setAttribute("aria-expanded", String(!section.hidden));
  button.addEventListener("click", (event) => {
    event.preventDefault();
    section.hidden = !section.hidden;
    button.setAttribute("aria-expanded", String(!section.hidden));
    if (section.hidden) return;
    refresh();
    section.scrollIntoView({ block: "nearest" });
  });
  form.elements.body.addEventListener("input", () => {
    clearTimeout(timer);
    if (!section.hidden) timer = setTimeout(refresh, 300);
  });
}

/** Buttons that put a file's Markdown where the cursor stands. */
function offerInsertion(form) {
  const list = document.querySelector("[data-insert-list]");
  const text = form.elements.body;
  if (!list || text.matches(":disabled")) return;
  list.hidden = false;
  for (const button of list.querySelectorAll("[data-insert]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      text.focus();
      text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
}

/** Buttons that copy a file's Markdown. */
function offerCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }
}

/** A second click on a button doesn't send the form a second time. */
function sendOnce() {
  for (const form of document.querySelectorAll("form[method=post]")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    // Whoever comes back in the browser's history may send it again.
    window.addEventListener("pageshow", () => {
      sent = false;
    });
  }
}

/** Says that a file is too large before it is sent for nothing. */
function checkSizes() {
  for (const input of document.querySelectorAll("input[data-max-bytes]")) {
    input.addEventListener("change", () => {
      const tooLarge = [...input.files].filter((file) => file.size > Number(input.dataset.maxBytes));
      const names = tooLarge.map((file) => `“${file.name}”`).join(", ");
      input.setCustomValidity(names === "" ? "" : `Too large: ${names}. Choose smaller files.`);
      input.reportValidity();
    });
  }
}

/** Buttons that show a new password while it is typed: it has to be told, or remembered. */
function offerRevealing() {
  for (const input of document.querySelectorAll("input[data-revealable]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small reveal";
    button.setAttribute("aria-controls", input.id);
    const set = (type) => {
      input.type = type;
      button.textContent = type === "password" ? "Show the password" : "Hide the password";
    };
    set("password");
    button.addEventListener("click", () => set(input.type === "password" ? "text" : "password"));
    // Browsers keep what was sent as text for other forms.
    input.form.addEventListener("submit", () => set("password"));
    input.after(button);
  }
}
