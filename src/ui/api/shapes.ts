/** What the API answers, by the names that views use for it. The contract has the fields and what they mean. */
import type { OfferedPlugin, PrebuildDetails } from "../../contract/catalogue.ts";
import type { Problem, Verdict } from "../../contract/compatibility.ts";
import type { EngineReport, RestartResult, UndoneChange } from "../../contract/engine.ts";
import type { InspectionReport } from "../../contract/inspection.ts";
import type { JobState, JobView } from "../../contract/jobs.ts";
import type {
  InstalledFile,
  PluginDescription,
  PluginSummary,
  PluginType,
  Signature,
  VersionDescription,
} from "../../contract/plugins.ts";
import type { About, EngineAbout } from "../../contract/server.ts";
import type { PluginId } from "../../domain/plugin.ts";

export type {
  EngineReport,
  InstalledFile,
  JobState,
  PluginId,
  PluginType,
  Problem,
  RestartResult,
  Signature,
  UndoneChange,
  Verdict,
};

/** A row of `GET /plugins`. */
export type PluginRow = PluginSummary;
/** `GET /plugins/T/N`. */
export type PluginDetails = PluginDescription;
/** A row of `GET /plugins/T/N/versions`. */
export type VersionRow = VersionDescription;
export type EngineState = NonNullable<PluginSummary["engine"]>;
/** `GET /`, alone and in front of an engine. */
export type ServerAbout = About | EngineAbout;
/** `GET /jobs/ID`. */
export type Job = JobView;
export type JobResult = NonNullable<JobView["result"]>;

/** A zip as `POST /plugins/inspect` reports it. */
export type InstallPreview = InspectionReport;
/** `GET /plugins/T/prebuild?details=1`. */
export type Offers = PrebuildDetails;
export type Offer = OfferedPlugin;
