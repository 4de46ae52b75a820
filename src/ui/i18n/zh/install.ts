import type { install as en } from "../en/install.ts";

export const install: Readonly<Record<keyof typeof en, string>> = {
  "install.title": "安装插件",
};
