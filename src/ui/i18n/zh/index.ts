import { catalogue } from "./catalogue.ts";
import { engine } from "./engine.ts";
import { failures } from "./failures.ts";
import { install } from "./install.ts";
import { jobs } from "./jobs.ts";
import { plugins } from "./plugins.ts";
import { problems } from "./problems.ts";
import { shell } from "./shell.ts";

export const zh = { ...shell, ...plugins, ...engine, ...jobs, ...install, ...catalogue, ...failures, ...problems };
