import { Type } from "@sinclair/typebox";

/** What the registry's entries are made of. Further fields, of a later version, are left alone. */

export const VersionSchema = Type.Object({
  version: Type.String(),
  soFile: Type.String({ minLength: 1, pattern: "^[^/]+$" }),
  files: Type.Array(
    Type.Object({
      path: Type.String(),
      sha256: Type.Optional(Type.String()),
      bytes: Type.Optional(Type.Number()),
      defaultOf: Type.Optional(Type.String()),
    }),
  ),
  unplaced: Type.Optional(Type.Array(Type.String())),
  functions: Type.Optional(Type.Array(Type.String())),
  exports: Type.Optional(Type.Array(Type.String())),
  origin: Type.Optional(Type.String()),
  sha256: Type.Optional(Type.String()),
  bytes: Type.Optional(Type.Number()),
  verified: Type.Optional(
    Type.Object({
      sha256: Type.Optional(Type.Literal(true)),
      signature: Type.Optional(
        Type.Object({ key: Type.String(), algorithm: Type.String(), fingerprint: Type.String() }),
      ),
      statement: Type.Optional(
        Type.Object({ type: Type.String(), name: Type.String(), version: Type.Optional(Type.String()) }),
      ),
    }),
  ),
  installedAt: Type.Optional(Type.String()),
  installLog: Type.Optional(Type.String()),
});

/** A version that is kept. */
export const KeptVersionSchema = Type.Composite([
  VersionSchema,
  Type.Object({ id: Type.String(), undone: Type.Optional(Type.String()) }),
]);

export const DisplacedSchema = Type.Object({ path: Type.String(), backup: Type.String(), sha256: Type.String() });
