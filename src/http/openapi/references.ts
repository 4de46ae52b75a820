/** Schemas by their names. */
type Named = Map<string, object>;

/** A schema in which those that have a name are references. They are added to `found`, with references in the same way. */
export function withReferences(schema: unknown, found: Named): unknown {
  if (Array.isArray(schema)) return schema.map((one) => withReferences(one, found));
  if (typeof schema !== "object" || schema === null) return schema;
  const { $id, ...rest } = schema as { readonly $id?: string };
  const members = () =>
    Object.fromEntries(
      Object.entries(rest)
        .filter(([name, member]) => name !== "limit" || typeof member !== "string") // words for our own messages
        .map(([name, member]) => [name, withReferences(member, found)]),
    );
  if ($id === undefined) return members();
  if (!found.has($id)) found.set($id, members());
  return { $ref: `${$id}#` };
}
