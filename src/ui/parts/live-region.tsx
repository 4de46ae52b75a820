import { announcement } from "../state/announce.ts";

/** There from the beginning: screen readers don't notice one that comes with its first sentence. */
export function LiveRegion() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {announcement}
    </div>
  );
}
