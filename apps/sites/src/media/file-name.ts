const longest = 120;
/** Of what is looked at: a longer name is no file's. */
const longestGiven = 1_000;

/** Controls, marks that hide or reverse what follows, and what file systems don't take. */
const unwanted = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd"*:<>?|\\/]/gu;

/**
 * A name for showing and for downloads, made of what the browser says the file was called. It never has a part of a
 * path, and never decides where something is stored. `extension` is added where the name ends with another.
 */
export function cleanFileName(given: string, extension: string | undefined): string {
  const base = (given.split(/[\\/]/).at(-1) ?? "").slice(0, longestGiven);
  const name = base
    .toWellFormed()
    .normalize("NFC")
    .replace(unwanted, " ")
    .replace(/\s+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "");
  const [, stem = name, ending = ""] = /^(.*)\.([A-Za-z0-9]{1,8})$/s.exec(name) ?? [];
  const own = extension === undefined || isSame(ending, extension) ? ending : undefined;
  const kept = own === undefined ? name : stem;
  const suffix = own ?? extension ?? "";
  const cut =
    [...kept]
      .slice(0, longest - suffix.length - 1)
      .join("")
      .trimEnd() || "file";
  return suffix === "" ? cut : `${cut}.${suffix}`;
}

const same: Record<string, string> = {
  jpeg: "jpg",
  jpe: "jpg",
  tiff: "tif",
  oga: "ogg",
  ogv: "ogg",
  m4v: "mp4",
  m4a: "mp4",
};

function isSame(one: string, other: string): boolean {
  const plain = (extension: string): string => same[extension.toLowerCase()] ?? extension.toLowerCase();
  return plain(one) === plain(other);
}
