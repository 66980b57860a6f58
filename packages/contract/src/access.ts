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
  emailVerified: z
    .boolean()
    .optional()
    .describe(
      "Whether you vouch for the address, which you do unless you say false: then the user must prove it before they can log in, while the setting requireEmailVerification is on.",
    ),
});
export type CreateUserRequest = z.infer<typeof createUserRequest>;

export const updateUserRequest = z
  .strictObject({
    email: email.optional().describe("Another address must be proven anew, unless you vouch for it."),
    emailVerified: z
      .boolean()
      .optional()
      .describe(
        "True vouches for the address. False takes that back. While the setting requireEmailVerification is on, a user whose address isn't verified any more is logged out.",
      ),
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
    emailVerifiedAt: z
      .string()
      .nullable()
      .describe("When the address was proven, or vouched for; null: not since it is this one."),
    lastLoginAt: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "User" });
export type UserReply = z.infer<typeof userReply>;

/** What proves a user's address, once. Send it to that address and to nobody else. */
export const verificationReply = z
  .object({
    userId: z.string(),
    email: z.string(),
    token: z.string().describe("Shown here and never again; another one takes its place."),
    expiresAt: z.string(),
  })
  .meta({ id: "Verification" });
export type Verification = z.infer<typeof verificationReply>;

export const operatorVerificationReply = verificationReply
  .extend({
    url: z
      .string()
      .nullable()
      .describe(
        "The page /verify-email of the tenant's own site with the token, where its application has such a page, as Sites has; null while it has no host.",
      ),
  })
  .meta({ id: "VerificationLink" });
export type VerificationLink = z.infer<typeof operatorVerificationReply>;

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

/** `POST /v1/runtime/auth/register`: a visitor becomes a user, with the role `viewer`. */
export const runtimeRegisterRequest = z.strictObject({
  environmentId: z.string().max(60),
  email,
  password,
  name: name.optional(),
  address: runtimeLoginRequest.shape.address,
});

/** `POST /v1/runtime/auth/verification`: another token for whoever has this address. */
export const runtimeVerificationRequest = z.strictObject({
  environmentId: z.string().max(60),
  // Whatever a visitor typed, as at a log-in.
  email: z.string().max(1_000),
  address: runtimeLoginRequest.shape.address,
});
export const runtimeVerificationReply = z.object({
  verification: verificationReply
    .nullable()
    .describe(
      "Null where nobody has this address, or has proven it: tell the visitor the same in both cases.",
    ),
});

/** `POST /v1/runtime/auth/verify-email` */
export const runtimeVerifyEmailRequest = z.strictObject({
  environmentId: z.string().max(60),
  token: z.string().max(200).describe("What the user was sent."),
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
export const runtimeVerifyEmailReply = z.object({ user: runtimeUserReply });
export const runtimeSessionReply = z.object({ user: runtimeUserReply, expiresAt: z.string() });
