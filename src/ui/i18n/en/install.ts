export const install = {
  "install.title": "Install a plugin",
} as const;
