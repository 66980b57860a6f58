import { type SettingDefinition, type SettingKey, settingDefinitions } from "@tenantry/contract";
import type { Mistakes } from "./mistakes.ts";

/** By setting: its value and who fixed it. */
export type FixedSettings = Partial<
  Record<SettingKey, { value: unknown; source: "environment variable" | "file" }>
>;

/** The installation's settings that its file or environment fixes; a variable wins over the file. */
export function fixedSettings(
  fromFile: unknown,
  file: string,
  environment: Record<string, string | undefined>,
  mistakes: Mistakes,
): FixedSettings {
  const fixed: FixedSettings = {};
  for (const [key, value] of fileEntries(fromFile, file, mistakes)) {
    const definition = Object.hasOwn(settingDefinitions, key)
      ? settingDefinitions[key as SettingKey]
      : undefined;
    if (!definition) {
      mistakes.say(`${file} at /settings/${key} isn't known.`);
      continue;
    }
    const parsed = definition.schema.safeParse(value);
    if (parsed.success) fixed[key as SettingKey] = { value: parsed.data, source: "file" };
    else mistakes.add(`${file} at /settings/${key}`, parsed.error);
  }
  for (const [key, definition] of Object.entries(settingDefinitions) as [SettingKey, SettingDefinition][]) {
    const text = definition.variable && environment[definition.variable];
    if (!text) continue;
    const parsed = parseText(definition, text);
    if (parsed.success) fixed[key] = { value: parsed.data, source: "environment variable" };
    else mistakes.add(`the variable ${definition.variable}`, parsed.error);
  }
  return fixed;
}

function fileEntries(fromFile: unknown, file: string, mistakes: Mistakes): [string, unknown][] {
  if (fromFile === undefined) return [];
  if (typeof fromFile === "object" && fromFile !== null && !Array.isArray(fromFile)) {
    return Object.entries(fromFile);
  }
  mistakes.say(`${file} at /settings must be an object.`);
  return [];
}

/** A variable is text: it counts as the number or the yes or no that the setting wants, if it reads like one. */
function parseText(definition: SettingDefinition, text: string) {
  const asText = definition.schema.safeParse(text.trim());
  const readings: unknown[] = [];
  if (/^-?\d+(?:\.\d+)?$/.test(text.trim())) readings.push(Number(text));
  if (/^(?:true|yes|on|1)$/i.test(text.trim())) readings.push(true);
  if (/^(?:false|no|off|0)$/i.test(text.trim())) readings.push(false);
  const parsed = readings.map((reading) => definition.schema.safeParse(reading));
  if (asText.success) return asText;
  return parsed.find((result) => result.success) ?? parsed[0] ?? asText;
}
