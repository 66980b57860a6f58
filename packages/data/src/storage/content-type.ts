import { InvalidArgument } from "../errors.ts";

export const defaultContentType = "application/octet-stream";

/** The media type as it is, or `InvalidArgument`. */
export function checkContentType(contentType: string): string {
  // It ends up in a header: a line break in it would be a header of the uploader's own.
  if (/^[\w.+-]+\/[\w.+-]+(?: *; *[\w.+-]+=(?:[\w.+-]+|"[\w.+ -]*"))*$/.test(contentType)) {
    if (contentType.length <= 255) return contentType;
  }
  throw new InvalidArgument(`${JSON.stringify(contentType.slice(0, 80))} is no media type.`);
}
