/** For routes: an id as we make them, and nothing that the database would not take for one. */
export const uuidPattern = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

const whole = new RegExp(`^${uuidPattern}$`);

export function isUuid(text: string): boolean {
  return whole.test(text);
}
