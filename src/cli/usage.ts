/** How the command line ends; an inspection ends by its verdict. */
export const EXIT_CODE = { compatible: 0, incompatible: 1, unknown: 2, failed: 3 } as const;

export const USAGE = `Usage:
  kuiper-plugin-server            serves the plugins of the folder KuiperBaseKey, or of the current one
  kuiper-plugin-server inspect FILE [options]
                                  tells whether an engine will load a plugin; FILE is its zip or its .so

Options of inspect:
  --engine BINARY       the engine's executable; without it bin/kuiperd, bin/kuiper or bin/server of the base folder
  --type TYPE           sources, sinks or functions; without it a zip with a NAME.yaml is a source
  --name NAME           the plugin's name; without it that of the .so
  --functions A,B       the functions that a function plugin has
  --json                prints the report as JSON

Exit status of inspect: ${EXIT_CODE.compatible} compatible, ${EXIT_CODE.incompatible} incompatible, ${EXIT_CODE.unknown} unknown, ${EXIT_CODE.failed} the file could not be inspected
`;

/** What is wrong with the arguments. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
