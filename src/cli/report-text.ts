import type { FileReport } from "./inspect-file.ts";

/** A report for people: the verdict first, then what was found, then each problem. */
export function reportText({
  file,
  name,
  version,
  verdict,
  problems,
  plugin,
  engine,
  unregistered,
}: FileReport): string {
  const lines = [`${file}: ${verdict}`, `  plugin ${name}${version === "" ? "" : `, version ${version}`}`];
  if (plugin !== undefined) {
    const { cpu, libc, glibc, goVersion, packages } = plugin;
    const wants = glibc === "" ? libc : `${libc} ${glibc} or later`;
    const go =
      packages === 0 ? "" : `, with ${goVersion || "a Go version that it does not tell"}, ${packages} packages`;
    lines.push(`  built for ${cpu}, ${wants}${go}`);
  }
  if (engine !== undefined) {
    const { path, goVersion, cpu, libc, trimpath } = engine;
    const build = trimpath === undefined ? "" : trimpath ? ", built with -trimpath" : ", built without -trimpath";
    lines.push(`  engine ${path}: ${cpu}, ${libc}, ${goVersion || "Go version unknown"}${build}`);
  }
  for (const { code, message, packages = [] } of problems) {
    lines.push("", `  ${code}: ${message}`, ...packages.map((path) => `    ${path}`));
  }
  if (unregistered.length > 0) lines.push("", `  exported, but not among the functions: ${unregistered.join(", ")}`);
  return `${lines.join("\n")}\n`;
}
