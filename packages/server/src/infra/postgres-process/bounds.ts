import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";

/** What one statement may take at most, so that nobody's takes everybody's. */
export type Bounds = {
  /** Of memory, for each process of the server. */
  memoryBytes: number;
  /** Of temporary files, for each session. */
  temporaryBytes: number;
};

const leastMemory = 512 * 1024 ** 2;
const leastFiles = 1024 ** 3;

/**
 * A quarter of the memory that this process may use, and a tenth of the disk that the directory is on: as much as the
 * largest statement of a machine that serves many should need, and too little to take the machine down.
 */
export async function boundsOf(directory: string): Promise<Bounds> {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const { blocks, bsize } = await statfs(directory);
  return {
    memoryBytes: Math.max(Math.floor(memory / 4), leastMemory),
    temporaryBytes: Math.max(Math.floor((blocks * bsize) / 10), leastFiles),
  };
}
