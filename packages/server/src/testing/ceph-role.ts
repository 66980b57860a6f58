import { askCephIam } from "../drivers/storage/s3/ceph-api.ts";
import type { S3Role } from "../drivers/storage/s3/server.ts";
import type { TestCeph } from "./ceph.ts";

/** Makes a role that Ceph's admin may assume, for a bucket and those that are called after it, as the guide says. */
export async function cephRole({ endpoint, admin }: TestCeph, bucket: string): Promise<S3Role> {
  const at = { endpoint, region: "us-east-1", bucket, ...admin };
  const RoleName = `role-${bucket}`;
  const Action = ["sts:AssumeRole"];
  const Principal = { AWS: ["arn:aws:iam:::user/admin"] };
  const AssumeRolePolicyDocument = policy([{ Effect: "Allow", Principal, Action }]);
  await askCephIam(at, { Action: "CreateRole", Path: "/", RoleName, AssumeRolePolicyDocument });
  const names = [bucket, `${bucket}-*`].map((name) => `arn:aws:s3:::${name}`);
  const Resource = [...names, ...names.map((name) => `${name}/*`)];
  const PolicyDocument = policy([{ Effect: "Allow", Action: ["s3:*"], Resource }]);
  await askCephIam(at, { Action: "PutRolePolicy", RoleName, PolicyName: "files", PolicyDocument });
  return { arn: `arn:aws:iam:::role/${RoleName}`, endpoint };
}

const policy = (Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });
