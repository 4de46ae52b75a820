import { PluginError } from "../domain/errors.ts";
import { type PackageId, pluginKey } from "../domain/plugin.ts";

/** The refusal of an install whose name another one is installing: at once, before anything was done for it. */
export class BeingInstalledError extends PluginError {
  constructor({ name }: PackageId, job: string | undefined) {
    const where = job === undefined ? "" : `, see /jobs/${job}`;
    super("NAME_TAKEN", `invalid name ${name}: duplicate (it is being installed${where})`);
  }
}

/** The names that are being installed, or whose installs wait for their turn. */
export class BeingInstalled {
  /** To the job of each, where there is one. */
  readonly #jobs = new Map<string, string | undefined>();

  /**
   * Takes a name until it is disposed.
   *
   * @param job the id of the job that installs it
   * @throws BeingInstalledError
   */
  enter(id: PackageId, job: string | undefined): Disposable {
    const key = pluginKey(id);
    if (this.#jobs.has(key)) throw new BeingInstalledError(id, this.#jobs.get(key));
    this.#jobs.set(key, job);
    return { [Symbol.dispose]: () => void this.#jobs.delete(key) };
  }
}
