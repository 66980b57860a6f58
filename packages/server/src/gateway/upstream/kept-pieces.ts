/** What one read of a connection brings at most. */
export const readBytes = 128 * 1024;

/** Below this size a copy of its own is cheaper than one of the big buffers. */
const smallBytes = 4 * 1024;
const maxFree = 64;
const free: Buffer[] = [];

/**
 * Copies a piece that outlives the call, and says when the copy is used up by `done`. Large ones go to buffers that are
 * used over and over: fresh ones for every piece keep the garbage collector busier than everything else together.
 */
export function keepPiece(piece: Buffer): { copy: Buffer; done: () => void } {
  if (piece.length <= smallBytes) return { copy: Buffer.from(piece), done: nothingToDo };
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(readBytes);
  piece.copy(buffer);
  return {
    copy: buffer.subarray(0, piece.length),
    done: () => {
      if (free.length < maxFree) free.push(buffer);
    },
  };
}

function nothingToDo(): void {
  // Small copies are left to the garbage collector.
}
