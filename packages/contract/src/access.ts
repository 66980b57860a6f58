import { z } from "zod";
import { plainText } from "./text.ts";

/** What a tenant's user may do there: everything; edit its content; look. */
export const userRoles = ["admin", "editor", "viewer"] as const;
export type UserRole = (typeof userRoles)[number];

export const userStatuses = ["active", "deactivated"] as const;
export type UserStatus = (typeof userStatuses)[number];

const email = z.email().max(254);
/** Bytes matter little, guessing does: length first, and the most common ones are refused. */
const password = z.string().min(10, "must have at least 10 characters").max(256);
const name = plainText(200);

export const createUserRequest = z.strictObject({
  email: email.describe("Unique within the tenant; the same address in another tenant is another user."),
  password: password.optional().describe("Without one the user can't log in yet."),
  name: name.optional(),
  role: z.enum(userRoles).default("editor"),
});
export type CreateUserRequest = z.infer<typeof createUserRequest>;

export const updateUserRequest = z
  .strictObject({
    email: email.optional(),
    password: password.optional().describe("Changing it ends the user's sessions."),
    name: name.nullable().optional(),
    role: z.enum(userRoles).optional(),
    status: z.enum(userStatuses).optional().describe("Deactivating ends the user's sessions."),
  })
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type UpdateUserRequest = z.infer<typeof updateUserRequest>;

export const userReply = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string().nullable(),
    role: z.string(),
    status: z.enum(userStatuses),
    lastLoginAt: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "User" });
export type UserReply = z.infer<typeof userReply>;

/** `POST /v1/runtime/auth/login`: sent by an application for a visitor. */
export const runtimeLoginRequest = z.strictObject({
  environmentId: z.string().max(60),
  // Whatever a visitor typed: what can't be right is refused as any other wrong log-in is.
  email: z.string().max(1_000),
  password: z.string().max(1_000),
  address: z
    .union([z.ipv4(), z.ipv6()])
    .optional()
    .describe("The visitor's IP address, by which attempts are counted too."),
  userAgent: z.string().max(1_000).optional(),
});

/** `POST /v1/runtime/auth/session` and `…/logout`. */
export const runtimeSessionRequest = z.strictObject({
  environmentId: z.string().max(60),
  token: z.string().max(200),
});

/** `POST /v1/runtime/auth/password`: a user gives themself another password. */
export const runtimePasswordRequest = z.strictObject({
  environmentId: z.string().max(60),
  token: z.string().max(200).describe("The user's session."),
  currentPassword: z.string().max(1_000),
  password: password.describe("The new one."),
  address: runtimeLoginRequest.shape.address,
  userAgent: runtimeLoginRequest.shape.userAgent,
});

export const runtimeUserReply = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  role: z.string(),
});
export const runtimeLoginReply = z.object({
  token: z.string(),
  expiresAt: z.string(),
  user: runtimeUserReply,
});
export const runtimeSessionReply = z.object({ user: runtimeUserReply, expiresAt: z.string() });
