/** A type of PostgreSQL's, by the name under which its catalog has it. */
export type PgType = {
  name: string;
  /** Of numeric: digits, and of them behind the point. Of varchar and char: the length in `precision`. */
  precision?: number;
  scale?: number;
  /** An array of it. */
  array?: true;
  /** The enum's labels, in order. */
  labels?: readonly string[];
};
