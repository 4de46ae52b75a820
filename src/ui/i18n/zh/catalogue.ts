import type { catalogue as en } from "../en/catalogue.ts";

export const catalogue: Readonly<Record<keyof typeof en, string>> = {
  "catalogue.title": "插件目录",
};
