import type { House, Violation } from "./house.ts";
import type { ParsedFile } from "./imports.ts";
import { floors, type Place, placeOf } from "./place.ts";

const maximumLines = 400;

const environmentReaders = [
  "packages/server/src/infra/config/",
  "packages/server/src/infra/config.ts",
  "packages/cli/",
  "packages/sdk/src/config.ts",
  "apps/",
  "tools/",
  "bench/",
];

type FileRule = (file: ParsedFile, place: Place, house: House) => Omit<Violation, "file" | "rule">[];

export const fileRules: Record<string, FileRule> = {
  "syntax-error": (file) =>
    file.syntaxErrors.map(({ line, message }) => ({
      line,
      message,
      remedy: "mend it: a file that cannot be parsed cannot be checked",
    })),

  "unplaced-file": (file, place, { featureOrder }) => {
    if (!place.inServerSource) return [];
    if (!place.floor)
      return [
        {
          line: 1,
          message: `${file.path} stands on no floor`,
          remedy: `put it into packages/server/src/{${floors.join(",")}}/ or testing/`,
        },
      ];
    if (place.floor !== "features") return [];
    if (!place.feature)
      return [
        {
          line: 1,
          message: "a file straight under features/ has no rank",
          remedy: "put it into a feature's folder, or lower, into infra or kernel",
        },
      ];
    if (!featureOrder || featureOrder.includes(place.feature)) return [];
    return [
      {
        line: 1,
        message: `feature ${place.feature} does not stand in features/order.json`,
        remedy: "add it to order.json above all that it imports",
      },
    ];
  },

  "environment-variables": (file, place) =>
    place.isTest || environmentReaders.some((reader) => file.path.startsWith(reader))
      ? []
      : file.environmentReads.map((line) => ({
          line,
          message: "process.env is read outside the configuration",
          remedy: "parse it in infra/config and take the value as an argument",
        })),

  "file-size": (file, place, { exemptions }) =>
    place.isTest || file.lineCount <= maximumLines || exemptions.some((it) => it.file === file.path)
      ? []
      : [
          {
            line: maximumLines + 1,
            message: `${file.lineCount} lines, and ${maximumLines} is the limit`,
            remedy: "split it by subject; or list it with its reason in tools/floors/exemptions.json",
          },
        ],
};

/** What is wrong with the checker's own lists: an order or an exemption that no longer says the truth. */
export function checkLists({ files, featureOrder, exemptions }: House): Violation[] {
  const orderFile = "packages/server/src/features/order.json";
  const hasFeatures = files.some((it) => placeOf(it.path).floor === "features");
  const order = featureOrder ?? [];
  const repeated = order.filter((name, index) => order.indexOf(name) !== index);
  const complaints: [string, string, string, string][] = [];

  if (hasFeatures && !featureOrder)
    complaints.push([
      orderFile,
      "feature-order",
      "missing, or not an array of names",
      "list the features in it from low to high",
    ]);
  for (const name of repeated)
    complaints.push([orderFile, "feature-order", `${name} stands in it twice`, "keep one of them"]);
  for (const { file, reason } of exemptions) {
    const exempted = files.find((it) => it.path === file);
    if (!reason.trim())
      complaints.push([file, "exemptions", "is exempted without a reason", "say why it cannot be split"]);
    if (!exempted || exempted.lineCount <= maximumLines)
      complaints.push([
        file,
        "exemptions",
        "is exempted from the size limit and needs it no more",
        "remove it from tools/floors/exemptions.json",
      ]);
  }
  return complaints.map(([file, rule, message, remedy]) => ({ file, line: 1, rule, message, remedy }));
}
