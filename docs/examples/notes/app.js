import { tenantErrors, tenantMiddleware } from "@tenantry/sdk/express";
import express from "express";

/** The application, on an installation of Tenantry or on a test kit. */
export function createApp(tenantry) {
  const { db } = tenantry;
  const app = express();

  app.get("/health", (_request, response) => response.send("well"));
  app.use(tenantMiddleware(tenantry), express.json());

  app.get("/notes", async (_request, response) => {
    const { rows } = await db.query("select id, text from notes order by id");
    response.json({ company: tenantry.current().tenant.name, notes: rows });
  });

  app.post("/notes", async (request, response) => {
    const { rows } = await db.query("insert into notes (text) values ($1) returning id, text", [
      request.body.text,
    ]);
    response.status(201).json(rows[0]);
  });

  return app.use(tenantErrors());
}
