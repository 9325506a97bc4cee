/** The demo as jobs: trains four families on the embedded digits, groups them and measures how well they connect. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { demoFamilies, type DemoFamily } from '../../src-shared/demo.ts';
import { isActive, type EngineEvent } from '../../src-shared/api.ts';
import type { GroupStore } from './catalog/groups.ts';
import type { RunStore } from './catalog/runs.ts';
import type { JobService } from './jobs/service.ts';

/** So that everybody's demo shows the same numbers. */
const seed = 1;
const alignments = ['none', 'activation', 'weight'] as const;

/** What the demo needs of the engine. */
interface DemoEngine {
  readonly runs: RunStore;
  readonly groups: GroupStore;
  readonly jobs: JobService;
  emit(event: EngineEvent): void;
}

export class Demo {
  readonly #engine: DemoEngine;
  readonly #runsFolder: string;
  #jobIds: string[] | undefined;

  constructor(engine: DemoEngine, runsFolder: string) {
    this.#engine = engine;
    this.#runsFolder = runsFolder;
  }

  /** Puts the demo's jobs into the queue; asking again while it is at work changes nothing. Returns the first jobs. */
  async start(): Promise<string[]> {
    if (this.#jobIds) return this.#jobIds;
    const jobIds: string[] = [];
    this.#jobIds = jobIds;
    const steps = [];
    for (const family of demoFamilies) {
      const jobId = await this.#train(family);
      if (jobId !== null) jobIds.push(jobId);
      steps.push(this.#measure(family, jobId));
    }
    void Promise.allSettled(steps).then(() => (this.#jobIds = undefined));
    return jobIds;
  }

  #folder(family: DemoFamily): string {
    return join(this.#runsFolder, `demo-${family.presets.small}`);
  }

  /** Null when the run is there already. */
  async #train(family: DemoFamily): Promise<string | null> {
    const { jobs, runs } = this.#engine;
    const run = this.#folder(family);
    const known = runs.idAt(run);
    if (known !== undefined && runs.row(known).state === 'ready') return null;
    const active = jobs.list().find((job) => (isActive(job) ? runOf(job.params) === run : false));
    if (active) return active.id;
    const resume = existsSync(join(run, 'config.yaml'));
    const { loadTrainingConfig } = await import('../formats/presets.ts');
    const config = loadTrainingConfig(family.presets.small, [`seed=${seed}`]);
    const job = await jobs.submit('train', resume ? { run, resume } : { run, config });
    return job.id;
  }

  async #measure(family: DemoFamily, trainJob: string | null): Promise<void> {
    const { jobs, runs } = this.#engine;
    if (trainJob !== null && (await jobs.queue.wait(trainJob)).state !== 'done') return;
    const runId = runs.idAt(this.#folder(family));
    if (runId === undefined) return;
    this.#group(family, runId);
    const { epochs, path } = runs.row(runId);
    const epoch = epochs.at(-1);
    if (epoch === undefined) return;
    for (const align of alignments)
      await jobs.submit('interpolate', {
        run: path,
        epoch,
        splits: ['test'],
        align,
        midpoint: align === 'none',
      });
  }

  #group({ name: key }: DemoFamily, runId: string): void {
    const { groups, runs } = this.#engine;
    const { architecture } = runs.row(runId);
    const there = groups
      .state()
      .groups.find((group) => group.architecture === architecture && group.key === key);
    const members = [{ runId }];
    if (!there) groups.edit({ type: 'create', architecture, key, members });
    else if (!there.members.some((member) => member.runId === runId)) {
      groups.edit({ type: 'add-members', groupId: there.id, members });
    }
    this.#engine.emit({ type: 'groups-changed', state: groups.state() });
  }
}

function runOf(params: unknown): unknown {
  return params !== null && typeof params === 'object' && 'run' in params ? params.run : undefined;
}
