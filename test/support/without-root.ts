export const NOBODY = 65_534;

/** Runs as a user whom permissions stop, as root walks through them. What it works on must belong to that user. */
export async function withoutRoot<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
