import { expect, test } from "vitest";
import { withoutHiddenKey } from "./hidden-column.ts";

const id = "0192aaaa-0000-7000-8000-000000000001";

test.each([
  [`{"id":1,"tenantry_environment":"${id}"}`, `{"id":1}`],
  [`{"tenantry_environment": "${id}", "title": "x"}`, `{"title": "x"}`],
  [`{"id": 1, "tenantry_environment": "${id}", "title": "x"}`, `{"id": 1, "title": "x"}`],
  [
    `[{"a": {"tenantry_environment": "${id}"}}, {"id": 2, "tenantry_environment": null}]`,
    `[{"a": {}}, {"id": 2}]`,
  ],
  [`{"{\\"id\\":1,\\"tenantry_environment\\":\\"${id}\\"}"}`, `{"{\\"id\\":1}"}`],
])("%s comes without the hidden column", (text, expected) => {
  expect(withoutHiddenKey(text)).toBe(expected);
});

test.each([
  null,
  `{"id": 1}`,
  `{"said": "tenantry_environment"}`,
  `{"said": ", tenantry_environment: ${id}"}`,
  `{"tenantry_environment": "mine"}`,
  `["tenantry_environment", "${id}"]`,
])("%s is left as it is", (text) => {
  expect(withoutHiddenKey(text)).toBe(text);
});
