type CatalogueEntry = { readonly status: number; readonly title: string; readonly remedy?: string };

const entries = {
  invalid_request: {
    status: 422,
    title: "The request has a mistake.",
    remedy: "Mend the fields listed in `errors`.",
  },
  malformed_request: {
    status: 400,
    title: "The request can't be read.",
    remedy: "Send valid JSON with Content-Type: application/json.",
  },
  payload_too_large: { status: 413, title: "The request is too large.", remedy: "Send less in one request." },
  unsupported_media_type: {
    status: 415,
    title: "This media type isn't understood here.",
    remedy: "Send application/json.",
  },
  headers_too_large: {
    status: 431,
    title: "The request's headers are too large.",
    remedy: "Send fewer or shorter headers.",
  },
  timed_out: { status: 408, title: "The request took too long to arrive.", remedy: "Send it again." },
  host_refused: {
    status: 421,
    title: "The API doesn't answer under this name.",
    remedy: "Use localhost or an IP address, or add the name to the API's hosts in the configuration.",
  },
  unauthenticated: {
    status: 401,
    title: "A valid key is needed.",
    remedy: "Send Authorization: Bearer <key>; the operator's key stands in .tenantry/operator.json.",
  },
  forbidden: { status: 403, title: "This key may not do that.", remedy: "Use a key with the right scope." },
  not_found: { status: 404, title: "There is nothing here." },
  method_not_allowed: { status: 405, title: "This method isn't allowed here." },
  tenant_not_found: {
    status: 404,
    title: "No such tenant.",
    remedy: "List the tenants with `tenantry tenant list`.",
  },
  app_not_found: {
    status: 404,
    title: "No such application.",
    remedy: "List the applications with `tenantry app list`.",
  },
  operation_not_found: { status: 404, title: "No such operation." },
  report_not_found: {
    status: 404,
    title: "No such report.",
    remedy: "List the reports with `tenantry isolation reports`.",
  },
  template_not_found: {
    status: 404,
    title: "No such template.",
    remedy: "List the templates with `tenantry template list`.",
  },
  domain_not_found: {
    status: 404,
    title: "No such domain.",
    remedy: "List the tenant's domains with `tenantry domain list`.",
  },
  domain_taken: { status: 409, title: "This domain is taken.", remedy: "Use another hostname." },
  domain_refused: {
    status: 422,
    title: "This hostname can't be a tenant's own domain.",
    remedy: "Use a hostname that the tenant owns, such as www.acme.com.",
  },
  custom_domains_off: {
    status: 409,
    title: "Tenants have no domains of their own here.",
    remedy: "Turn the setting customDomains on, for the installation or for the tenant.",
  },
  domain_limit_reached: {
    status: 409,
    title: "The tenant has as many domains as it may have.",
    remedy: "Remove a domain that isn't used.",
  },
  server_not_found: { status: 404, title: "No such database server." },
  user_not_found: { status: 404, title: "No such user." },
  cursor_expired: {
    status: 410,
    title: "What follows this cursor isn't kept any more.",
    remedy: "Read from the API how things stand, then begin again without a cursor.",
  },
  slug_taken: { status: 409, title: "This slug is taken.", remedy: "Choose another slug." },
  slug_refused: {
    status: 422,
    title: "This slug can't be used.",
    remedy: "Use 3 to 50 lower-case letters, digits and single hyphens.",
  },
  name_taken: { status: 409, title: "This name is taken.", remedy: "Choose another name." },
  email_taken: {
    status: 409,
    title: "This e-mail address is taken.",
    remedy: "Use another address, or edit the user who has it.",
  },
  tenant_limit_reached: {
    status: 409,
    title: "This installation's limit of tenants is reached.",
    remedy: "Raise the setting maxTenants, or delete a tenant.",
  },
  user_limit_reached: {
    status: 409,
    title: "The tenant's limit of users is reached.",
    remedy: "Raise the tenant's setting maxUsers, or delete a user.",
  },
  last_admin: {
    status: 409,
    title: "The tenant would have no admin left.",
    remedy: "Make another user an admin first.",
  },
  isolation_unavailable: {
    status: 422,
    title: "This isolation isn't available here.",
    remedy: "Choose another level.",
  },
  region_unavailable: {
    status: 422,
    title: "Nothing stands in this region.",
    remedy: "Choose another region, or register a server that stands there.",
  },
  illegal_transition: { status: 409, title: "That can't be done in the present state." },
  has_children: {
    status: 409,
    title: "The tenant has children.",
    remedy: "Delete or move the children first.",
  },
  operation_in_progress: {
    status: 409,
    title: "Another operation is at work here.",
    remedy: "Wait for it, or cancel it.",
  },
  operation_failed: {
    status: 500,
    title: "The operation failed.",
    remedy: "Look at its steps with `tenantry operation show`, then retry.",
  },
  operation_cancelled: { status: 409, title: "The operation was cancelled." },
  precondition_failed: {
    status: 412,
    title: "It was changed since you read it.",
    remedy: "Read it again, then repeat your change.",
  },
  idempotency_key_reused: {
    status: 422,
    title: "This idempotency key was used for another request.",
    remedy: "Use a new key for a new request.",
  },
  idempotency_key_in_flight: {
    status: 409,
    title: "The first request with this idempotency key is still at work.",
    remedy: "Wait, then repeat it.",
  },
  too_many_requests: {
    status: 429,
    title: "Too many requests.",
    remedy: "Wait as long as Retry-After says.",
  },
  migration_failed: {
    status: 422,
    title: "A migration of the application failed.",
    remedy: "Mend the file named, then try again.",
  },
  app_not_healthy: {
    status: 422,
    title: "The application didn't become healthy.",
    remedy: "Look at its output with `tenantry logs`, mend it, then release again.",
  },
  script_failed: {
    status: 422,
    title: "The script failed.",
    remedy: "Mend the script, and run it again: nothing of it stays where it failed.",
  },
  template_too_large: {
    status: 422,
    title: "The template is too large.",
    remedy: "Leave out what new tenants can do without, or let the application load it afterwards.",
  },
  contents_missing: {
    status: 422,
    title: "Not all contents of the template were uploaded.",
    remedy:
      "Put each of the chunks in `missing` with PUT /v1/template-chunks/{sha256}, then send this again.",
  },
  template_in_use: {
    status: 409,
    title: "The template is needed.",
  },
  starter_data_failed: {
    status: 422,
    title: "The starter data can't be put in.",
    remedy: "Mend it, and give the template its next revision: nothing of it stays where it failed.",
  },
  migration_changed: {
    status: 409,
    title: "A migration that was applied already has changed.",
    remedy: "Restore the file, and put the change into a new one.",
  },
  archive_damaged: {
    status: 422,
    title: "The archive is damaged.",
    remedy: "Take it anew: nothing of it was kept.",
  },
  archive_mismatch: {
    status: 409,
    title: "The archive doesn't fit this place.",
    remedy: "Bring both to the same release with `tenantry migrate`, then try again.",
  },
  rows_not_portable: {
    status: 422,
    title: "These rows can't be taken along.",
    remedy: "Change what is named, or choose another level for the copy.",
  },
  server_unreachable: {
    status: 422,
    title: "The server can't be used.",
    remedy: "Check its address, the rights there and the network.",
  },
  server_registered: {
    status: 409,
    title: "This database server is registered already.",
    remedy: "Change it with `tenantry server update`, or name another one.",
  },
  no_capacity: {
    status: 503,
    title: "No database server has room.",
    remedy: "Register another one with `tenantry server add`.",
  },
  busy: {
    status: 503,
    title: "Too much is going on at the moment.",
    remedy: "Wait as long as Retry-After says.",
  },
  unavailable: {
    status: 503,
    title: "The service isn't available at the moment.",
    remedy: "Try again shortly.",
  },
  storage_unavailable: {
    status: 503,
    title: "The place where the files lie can't be reached.",
    remedy: "Try again shortly.",
  },
  disk_full: {
    status: 507,
    title: "There is no room left on the disk.",
    remedy:
      "Make room where the data directory and the database server keep their files: then it works again.",
  },
  login_refused: {
    status: 401,
    title: "The e-mail address or the password is wrong.",
    remedy: "Check both, then try again.",
  },
  email_not_verified: {
    status: 403,
    title: "The e-mail address isn't proven yet.",
    remedy: "Open the link that was sent to the address, then log in again.",
  },
  email_verified: {
    status: 409,
    title: "The e-mail address is proven already.",
    remedy: "Nothing has to be done: the user may log in.",
  },
  verification_invalid: {
    status: 422,
    title: "This proof of an e-mail address isn't good here, or any more.",
    remedy: "Ask for another link, and open the newest one.",
  },
  session_invalid: { status: 401, title: "The session isn't valid here.", remedy: "Log in again." },
  environment_unavailable: { status: 409, title: "The environment isn't available now." },
  environment_not_found: { status: 404, title: "No such environment." },
  credentials_not_found: {
    status: 404,
    title: "The environment has no database login.",
    remedy: "Make one with `tenantry tenant credentials`.",
  },
  unsafe_path: {
    status: 422,
    title: "This key would leave the tenant's space.",
    remedy: "Use a relative key without . or .. parts.",
  },
  invalid_http: {
    status: 400,
    title: "This isn't a request that can be passed on.",
    remedy: "Send it as RFC 9112 asks; the detail says what is wrong.",
  },
  expectation_failed: {
    status: 417,
    title: "This expectation can't be met.",
    remedy: "Send Expect: 100-continue, or none.",
  },
  loop_detected: {
    status: 508,
    title: "The request came back to where it was.",
    remedy: "Give the application an upstream that isn't this gateway.",
  },
  misdirected_request: {
    status: 421,
    title: "This connection was secured for another host.",
    remedy: "Send the request on a connection of its own.",
  },
  unknown_host: {
    status: 404,
    title: "No site stands under this host name.",
    remedy: "Check the host name for a typing error.",
  },
  tenant_provisioning: {
    status: 503,
    title: "This site is being set up.",
    remedy: "Wait as long as Retry-After says.",
  },
  tenant_suspended: {
    status: 503,
    title: "This site is suspended.",
    remedy: "Ask whoever runs it to resume it.",
  },
  tenant_over_quota: {
    // As App Engine answers it: 402 and 429 would blame the visitor, who can't do anything about it, and crawlers
    // take a 503 for what it is: come again later.
    status: 503,
    title: "This site has used up what its plan includes.",
    remedy: "Ask whoever runs it to change its plan, or to resume it.",
  },
  tenant_maintenance: {
    status: 503,
    title: "This site is under maintenance.",
    remedy: "Wait as long as Retry-After says.",
  },
  tenant_failed: {
    status: 503,
    title: "This site couldn't be set up.",
    remedy: "The operator finds the failed step with `tenantry operation list`.",
  },
  tenant_deleted: { status: 410, title: "This site was deleted." },
  no_upstream: {
    status: 503,
    title: "The application isn't running.",
    remedy: "Try again shortly; the operator looks at it with `tenantry app list`.",
  },
  upstream_unreachable: {
    status: 502,
    title: "The application didn't answer.",
    remedy: "Try again shortly; the operator finds the reason in the application's log.",
  },
  upstream_timeout: {
    status: 504,
    title: "The application took too long to answer.",
    remedy: "Try again; the operator finds slow requests in the gateway's log.",
  },
  internal: {
    status: 500,
    title: "Something broke on our side.",
    remedy: "Look into the log for the request id; report it if it stays.",
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof entries;

/** Every error the API answers with: its status, its public text and what to do about it. */
export const errorCatalogue: Readonly<Record<ErrorCode, CatalogueEntry>> = entries;
