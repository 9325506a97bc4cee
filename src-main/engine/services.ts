/** The parts of an engine, as its requests use them. */
import type { EngineEvent, EngineInfo } from '../../src-shared/api.ts';
import type { ServerAddress } from '../../src-shared/server-address.ts';
import type { GroupStore } from './catalog/groups.ts';
import type { RunStore } from './catalog/runs.ts';
import type { Demo } from './demo.ts';
import type { FigureStore } from './figure-store.ts';
import type { JobService } from './jobs/service.ts';
import type { JobStore } from './jobs/store.ts';
import type { PartStore } from './part-store.ts';
import type { Questions } from './questions.ts';
import type { ResultStore } from './results.ts';
import type { MeasureStore } from './run-measures.ts';
import type { SavedFilters } from './saved-filters.ts';
import type { Standings } from './standing.ts';
import type { StepTimes } from './step-times.ts';
import type { Sweeps } from './sweeps/sweeps.ts';

/** What a server of pages tells the engine that it serves. */
export interface PageServer {
  /** `http://127.0.0.1:7077` */
  readonly origin: string;
  newAddress(): ServerAddress;
}

export interface EngineServices {
  readonly runs: RunStore;
  readonly groups: GroupStore;
  readonly results: ResultStore;
  readonly partStore: PartStore;
  readonly figures: FigureStore;
  readonly jobs: JobService;
  readonly questions: Questions;
  readonly store: JobStore;
  readonly demo: Demo;
  readonly stepTimes: StepTimes;
  readonly standings: Standings;
  readonly measures: MeasureStore;
  readonly savedFilters: SavedFilters;
  readonly sweeps: Sweeps;
  /** Where data sets lie that were fetched or added. */
  readonly dataHome: string;
  emit(event: EngineEvent): void;
  info(): EngineInfo;
  /** Where browsers reach this engine; undefined where it is not served. */
  readonly pages: PageServer | undefined;
  /** Looks where the run folders are, at most every few seconds. */
  lookForFolders(): Promise<void>;
}
