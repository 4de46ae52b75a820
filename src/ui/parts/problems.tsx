import type { Problem } from "../api/shapes.ts";
import { known, tn } from "../i18n/index.ts";
import { Fold } from "./fold.tsx";

/** Why a plugin will not load: the cause first, the packages folded. */
export function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <ol class="problems">
      {problems.map(({ code, message, packages = [] }) => (
        <li key={`${code} ${message}`}>
          <strong>{known(`problem.${code}`) ?? code}</strong>
          <p>{message}</p>
          {packages.length > 0 && (
            <Fold summary={tn("plugin.packages", packages.length)}>
              {() => (
                <ul class="plain-list mono">
                  {packages.map((path) => (
                    <li key={path}>{path}</li>
                  ))}
                </ul>
              )}
            </Fold>
          )}
        </li>
      ))}
    </ol>
  );
}
