import type { AddCommand } from "../command-context.ts";
import { usageFailure } from "../failure.ts";

interface Options {
  readonly issuer: string;
  readonly subject: string;
  readonly scope?: string;
  readonly days: string;
  readonly algorithm?: string;
  readonly base: string;
  readonly key?: string;
}

/** `token`: needs no server; the private key is best where none is. */
export const addToken: AddCommand = (program, { output, baseFolder }) => {
  program
    .command("token")
    .description("print a token for a server with basic.authentication, and make its key pair where that is missing")
    .requiredOption("--issuer <name>", "who makes the token; its public key is etc/mgmt/NAME.pub")
    .requiredOption("--subject <who>", "who gets it; the audit lines name them")
    .option("--scope <scope>", "read allows reading only; without it everything is allowed")
    .option("--days <number>", "how long it is valid", "30")
    .option("--algorithm <name>", "of a new key: RS256, ES256 or EdDSA; without it RS256")
    .option("--base <folder>", "the server's base folder; without it KuiperBaseKey, or this folder")
    .option("--key <file>", "the private key, made where it is missing; without it NAME.key. Keep it off the server")
    .action(async (options: Options) => {
      const { makeToken } = await import("../token/make-token.ts");
      try {
        const token = await makeToken({ ...options, base: options.base ?? baseFolder }, (file) =>
          output.note(`made ${file}`),
        );
        output.json({ token });
        output.line(token);
      } catch (error) {
        throw usageFailure((error as Error).message);
      }
    });
};
