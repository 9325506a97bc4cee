/** The parts of an engine, as its requests use them. */
import type { EngineEvent, EngineInfo } from '../../src-shared/api.ts';
import type { GroupStore } from './catalog/groups.ts';
import type { RunStore } from './catalog/runs.ts';
import type { Demo } from './demo.ts';
import type { FigureStore } from './figure-store.ts';
import type { JobService } from './jobs/service.ts';
import type { JobStore } from './jobs/store.ts';
import type { PartStore } from './part-store.ts';
import type { Questions } from './questions.ts';
import type { ResultStore } from './results.ts';
import type { StepTimes } from './step-times.ts';

export interface EngineParts {
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
  emit(event: EngineEvent): void;
  info(): EngineInfo;
  /** Looks where the run folders are, at most every few seconds. */
  lookForFolders(): Promise<void>;
}
