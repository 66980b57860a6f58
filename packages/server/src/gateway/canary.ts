/**
 * What a canary's application would be told of who asks: the verification of isolation reads it. No request to a canary
 * reaches an application, and the token's signature stays here, so that nobody can use it elsewhere.
 */
export function echoOf(passed: readonly string[]): object {
  const valuesOf = (wanted: string): string[] =>
    passed.filter((_value, at) => at % 2 === 1 && plain(passed[at - 1]!) === wanted);
  const claims = valuesOf("tenantry-token").map((token) => {
    const { sub, env, aud } = readClaims(token);
    return { sub, env, aud };
  });
  return {
    tenantryCanary: {
      tenants: valuesOf("tenantry-tenant"),
      environments: valuesOf("tenantry-environment"),
      claims,
    },
  };
}

/** As upstreams read names that turn them into variables. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");

function readClaims(token: string): { sub?: string; env?: string; aud?: string } {
  try {
    const text = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
    return JSON.parse(text) as { sub?: string; env?: string; aud?: string };
  } catch {
    return { sub: "a token that can't be read" };
  }
}
