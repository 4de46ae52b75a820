/** What the plugin hosts offer. */
export const catalogue = {
  "catalogue.title": "Catalogue",
  "catalogue.again": "Ask again",
  "catalogue.loading": "The plugin hosts are being asked…",
  "catalogue.none": "No plugin host offers anything for this system.",
  "catalogue.none.hint": "The hosts are those of basic.pluginHosts; a zip can be installed without them.",
  "catalogue.offline": "No plugin host could be reached: you may be offline.",
  "catalogue.failed": "Some plugin hosts have failed; their plugins are missing here.",
  "catalogue.byHand": "Install a zip by hand",
  "catalogue.version": "Offered",
  "catalogue.installed": "Installed",
  "catalogue.notInstalled": "not installed",
  "catalogue.newer": "newer offered",
  "catalogue.host": "Host",
  "catalogue.action": "Action",
  "catalogue.install": "Install…",
  "catalogue.update": "Update…",
} as const;
