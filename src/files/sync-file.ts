import { open } from "node:fs/promises";

/** Makes what a file, or a folder, has in it durable. One that is read-only can't be opened for writing. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
