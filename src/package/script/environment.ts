type Variables = Readonly<Record<string, string | undefined>>;

const STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a script needs of the server's environment to reach the network as the server does; anything else stays here. */
const PASSED_ON: readonly string[] = [
  "HOME",
  "LOGNAME",
  "TMPDIR",
  "TZ",
  "USER",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  ...["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
];

/** The whole environment of install.sh. Nothing of `given` gets into it but what is named above and `PATH`. */
export function scriptEnvironment(given: Variables): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = given[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return {
    HOME: "/",
    LANG: "C.UTF-8",
    TERM: "dumb",
    PATH: given.PATH || STANDARD_PATH,
    ...Object.fromEntries(passed),
  };
}
