import type { catalogue as en } from "../en/catalogue.ts";

export const catalogue: Readonly<Record<keyof typeof en, string>> = {
  "catalogue.title": "插件目录",
  "catalogue.again": "重新查询",
  "catalogue.loading": "正在查询插件主机…",
  "catalogue.none": "没有插件主机为本系统提供插件。",
  "catalogue.none.hint": "主机由 basic.pluginHosts 设置；不用主机也可以安装 zip。",
  "catalogue.offline": "无法连接任何插件主机：您可能处于离线状态。",
  "catalogue.failed": "部分插件主机查询失败，此处缺少其插件。",
  "catalogue.byHand": "手动安装 zip",
  "catalogue.version": "提供的版本",
  "catalogue.installed": "已安装",
  "catalogue.notInstalled": "未安装",
  "catalogue.newer": "有新版本",
  "catalogue.host": "主机",
  "catalogue.action": "操作",
  "catalogue.install": "安装…",
  "catalogue.update": "更新…",
};
