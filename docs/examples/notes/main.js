import { createTenantry } from "@tenantry/sdk";
import { createApp } from "./app.js";

const tenantry = createTenantry();
await tenantry.ready();
createApp(tenantry).listen(process.env.PORT);
