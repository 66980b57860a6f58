import type { S3Address } from "@tenantry/data";

type Where = Pick<S3Address, "bucket" | "prefix">;

/**
 * What an environment's key may do, as S3 servers understand it: everything that the SDK does with the objects of one
 * place, and to list that place. Nothing is said of ACLs, policies, versions and begun uploads of others.
 */
export function placePolicy({ bucket, prefix }: Where, partition = "aws"): string {
  const bucketName = `arn:${partition}:s3:::${bucket}`;
  const objects = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
  ];
  const itsOwn = prefix !== "" && { Condition: { StringLike: { "s3:prefix": [`${prefix}*`] } } };
  return policyOf([
    { Effect: "Allow", Action: objects, Resource: [`${bucketName}/${prefix}*`] },
    { Effect: "Allow", Action: ["s3:ListBucket"], Resource: [bucketName], ...itsOwn },
  ]);
}

/** The same for a user on Ceph: whoever writes an object owns it there, and could open it to everybody. */
export function userPolicy(where: Where): string {
  const { Statement } = JSON.parse(placePolicy(where)) as { Statement: object[] };
  const opening = ["s3:PutObjectAcl", "s3:PutObjectVersionAcl"];
  return policyOf([...Statement, { Effect: "Deny", Action: opening, Resource: ["arn:aws:s3:::*"] }]);
}

const policyOf = (Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });
