/** A file that was uploaded, and is public from then on. Its content never changes. */
export type MediaFile = {
  id: string;
  name: string;
  contentType: string;
  /** Bytes. */
  size: number;
  createdAt: Date;
  createdBy: string;
};

/** Where a file is stored. What its name was plays no part in it. */
export function storageKeyOf(id: string): string {
  return `media/${id}`;
}

/** Where a file is read. */
export function pathOfMedia({ id, name }: Pick<MediaFile, "id" | "name">): string {
  const encoded = encodeURIComponent(name).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `/media/${id}/${encoded}`;
}

/** The Markdown that shows a file on a page, or links to it. */
export function snippetOf(file: MediaFile): string {
  const path = pathOfMedia(file);
  const [kind] = file.contentType.split("/");
  if (kind === "image") return `![${describe(file.name)}](${path})`;
  if (kind === "audio" || kind === "video") return `<${kind} src="${path}" controls></${kind}>`;
  return `[${file.name.replace(/[\\[\]]/g, "\\$&")}](${path})`;
}

/** A first description of a picture, made of its name, for the editor to better. */
function describe(name: string): string {
  return name
    .replace(/\.[^.]*$/, "")
    .replace(/[_\-\s]+/g, " ")
    .replace(/[\\[\]]/g, "\\$&");
}
