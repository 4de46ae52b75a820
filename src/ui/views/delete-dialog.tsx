import type { PluginDetails, PluginName } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";

interface DeleteDialogProps {
  readonly id: PluginName;
  readonly plugin: PluginDetails;
  readonly onClose: () => void;
}

export function DeleteDialog({ id, onClose }: DeleteDialogProps) {
  return (
    <Dialog
      title={t("delete.title", { name: id.name })}
      onClose={onClose}
      actions={<Button onClick={onClose}>{t("button.cancel")}</Button>}
    >
      <p />
    </Dialog>
  );
}
