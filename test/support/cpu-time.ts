/** Milliseconds of processor time that this process has taken. A machine that stalls, or has others to serve, adds none. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
