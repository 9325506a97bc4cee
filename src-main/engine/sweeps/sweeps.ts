/** Sweeps, as the engine's requests use them: planned, started, resumed after a restart, stopped, renamed, removed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isActive, type EngineEvent, type ResponseOf } from '../../../src-shared/api.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import type { SweepDraft, SweepPlace, SweepRow, SweepStanding } from '../../../src-shared/sweep-requests.ts';
import { sweepFileName } from '../../../src-shared/sweep.ts';
import {
  readSweep,
  removeSweep,
  sweepsIn,
  writeSweep,
  type SweepFolder,
} from '../../formats/sweep-folder.ts';
import type { GroupStore } from '../catalog/groups.ts';
import type { JobOnRun } from '../jobs/store.ts';
import type { MeasureStore } from '../run-measures.ts';
import type { StepTimes } from '../step-times.ts';
import type { Workspace } from '../store/workspace.ts';
import { ActiveSweeps } from './active.ts';
import { LocalWork } from './local-work.ts';
import { SlurmWork, type OnCluster } from './slurm-work.ts';
import { holdingsOf, standingIn, type Holdings } from './standing.ts';
import type { SweepTools, SweepWork } from './work.ts';

/** Milliseconds between two `sweeps-changed` events of one sweep, at least. */
const tellEvery = 400;

const warn = (name: string, error: unknown): void =>
  void process.stderr.write(`warning: sweep ${name}: ${messageOf(error)}\n`);

export interface SweepParts extends Omit<SweepTools, 'workspaceRoot'> {
  readonly workspace: Workspace;
  readonly groups: GroupStore;
  readonly measures: MeasureStore;
  readonly stepTimes: StepTimes;
  readonly emit: (event: EngineEvent) => void;
}

export class Sweeps {
  readonly #parts: SweepParts;
  readonly #active: ActiveSweeps;
  /** At work, or the last that was of this name. */
  readonly #works = new Map<string, SweepWork>();
  readonly #atWork = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closing = false;

  constructor(parts: SweepParts) {
    this.#parts = parts;
    this.#active = new ActiveSweeps(parts.workspace.sweeps);
  }

  /** Goes on with what the engine before this one was at work on. */
  recover(): void {
    for (const { name, slurm } of this.#active.list()) {
      const folder = join(this.#parts.workspace.runs, name);
      let found: SweepFolder;
      try {
        found = { name, folder, sweep: readSweep(folder) };
      } catch {
        // It was removed, or cannot be read: the list of sweeps says so.
        this.#attempt(name, () => this.#active.remove(name));
        continue;
      }
      const work = this.#begin(found, slurm && { settings: slurm, again: false });
      void this.#follow(name, work, work.begun);
    }
  }

  /** Starts nothing more; the next engine resumes what was started. */
  close(): void {
    this.#closing = true;
    for (const work of this.#works.values()) work.stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async list(): Promise<ResponseOf<'sweeps.list'>> {
    const { sweeps, problems } = sweepsIn(this.#parts.workspace.runs);
    const holdings = sweeps.length > 0 ? await holdingsOf(this.#parts) : undefined;
    const rows = sweeps.map((found) => {
      const { cells: _cells, ...row } = this.#standing(found, holdings!);
      return row;
    });
    return { sweeps: rows, problems };
  }

  async get(name: string): Promise<SweepStanding> {
    return this.#standing(this.#find(name), await holdingsOf(this.#parts));
  }

  async plan(draft: SweepDraft, thorough: boolean): Promise<ResponseOf<'sweeps.plan'>> {
    const { checkCells, planSweep } = await import('./plan.ts');
    const { preview } = await import('../train-form.ts');
    const { loadTrainingConfig } = await import('../../formats/presets.ts');
    const { workspace, stepTimes } = this.#parts;
    const planned = planSweep(draft, workspace);
    const checked = await checkCells(planned, { workspace, thorough });
    const told = (thorough ? checked.slice(0, 1) : checked).map(({ overrides }) => {
      const config = loadTrainingConfig(draft.source, overrides) as Record<string, unknown>;
      const { seconds, summary } = preview(config, [], { stepTimes, home: workspace.data });
      return { seconds, summary, models: Number(config['num_models'] ?? 2) };
    });
    const mean = (of: (each: (typeof told)[number]) => number): number =>
      told.reduce((sum, each) => sum + of(each), 0) / told.length;
    const isTimed = told.every(({ seconds }) => seconds !== null);
    return {
      ...this.#standing(planned, await holdingsOf(this.#parts)),
      exists: planned.exists,
      summary: told[0]?.summary ?? '',
      networks: Math.round(planned.cells.length * mean(({ models }) => models)),
      seconds: isTimed ? planned.cells.length * mean(({ seconds }) => seconds!) : null,
    };
  }

  /** @throws UserError with what Slurm says if it takes none of the runs; nothing is left of a new sweep then */
  async start(draft: SweepDraft, on: SweepPlace): Promise<SweepRow> {
    const { checkCells, planSweep } = await import('./plan.ts');
    const { workspace } = this.#parts;
    const slurm = await this.#settingsOf(on);
    const planned = planSweep(draft, workspace);
    await checkCells(planned, { workspace, thorough: true });
    if (!planned.exists) this.#refuseTrashed(planned, await holdingsOf(this.#parts));
    const { name } = planned;
    if (this.#atWork.has(name)) {
      this.#refuseOther(name, draft.then, slurm);
      return this.#row(name);
    }
    this.#refuseElsewhere(planned, slurm);
    writeSweep(planned.folder, planned.sweep);
    try {
      await this.#ask(planned, slurm);
    } catch (error) {
      await this.#works.get(name)?.ended;
      // Slurm may have taken some of them.
      if (!planned.exists && this.#activeJobs(planned).length === 0) {
        removeSweep(planned.folder);
        this.#works.delete(name);
      }
      throw error;
    }
    return this.#row(name);
  }

  async resume(name: string, on: SweepPlace): Promise<SweepRow> {
    const found = this.#find(name);
    const slurm = await this.#settingsOf(on);
    if (this.#atWork.has(found.name)) this.#refuseOther(found.name, found.sweep.then, slurm);
    else {
      this.#refuseElsewhere(found, slurm);
      await this.#ask(found, slurm);
    }
    return this.#row(found.name);
  }

  async cancel(name: string): Promise<SweepRow> {
    const found = this.#find(name);
    // Before anything that takes time: the engine after one that is killed now must not resume it.
    this.#attempt(found.name, () => this.#active.remove(found.name));
    if (this.#atWork.has(found.name)) await this.#works.get(found.name)?.cancel();
    // Jobs on a cluster were submitted by a command, which may be gone.
    const { jobs } = this.#parts;
    await Promise.all(this.#activeJobs(found).map(({ id }) => jobs.cancelIfActive(id)));
    return this.#row(found.name);
  }

  rename(name: string, title: string): Promise<SweepRow> {
    const { name: found, folder, sweep } = this.#find(name);
    writeSweep(folder, { ...sweep, title });
    this.#tell(found);
    return this.#row(found);
  }

  async remove(name: string, withRuns: boolean): Promise<ResponseOf<'sweeps.remove'>> {
    const found = this.#find(name);
    if (this.#atWork.has(found.name) || this.#activeJobs(found).length > 0)
      throw new UserError(`The sweep ${name} is running.`, { hint: 'Cancel it first.' });
    const { cells } = await this.get(found.name);
    const runIds = cells.flatMap(({ runId, state }) =>
      withRuns && runId !== null && state !== 'trashed' ? [runId] : [],
    );
    const edited = runIds.length > 0 ? this.#parts.groups.editRuns({ type: 'trash', runIds }) : undefined;
    removeSweep(found.folder);
    this.#works.delete(found.name);
    this.#tell(found.name);
    return { trashed: runIds.length, step: edited?.step ?? null };
  }

  async #settingsOf(on: SweepPlace): Promise<SlurmSettings | null> {
    if (on === 'local') return null;
    if (on !== 'slurm') return on.slurm;
    const { slurmSettings } = await import('../../formats/basin-file.ts');
    return slurmSettings([this.#parts.workspace.root]).settings;
  }

  /** What is at work is not asked to do something else on the way. */
  #refuseOther(name: string, then: readonly string[], slurm: SlurmSettings | null): void {
    const work = this.#works.get(name);
    const hint = 'Wait until it has finished, or cancel it first.';
    if (work?.stopping)
      throw new UserError(`The sweep ${name} is being cancelled.`, {
        hint: 'Try again when it has stopped.',
      });
    const known = work?.found.sweep.then ?? [];
    if (known.join() !== then.join())
      throw new UserError(`The sweep ${name} is running and measures ${known.join(', ') || 'nothing'}.`, {
        hint: `To measure something else: ${hint.toLowerCase()}`,
      });
    const at = work instanceof SlurmWork ? work.settings : null;
    if ((at === null) !== (slurm === null))
      throw new UserError(`The sweep ${name} is running ${at ? 'on Slurm' : 'on this machine'}.`, { hint });
    if (JSON.stringify(at) !== JSON.stringify(slurm))
      throw new UserError(`The sweep ${name} is running on Slurm with other settings than these.`, { hint });
  }

  /** @throws UserError while its tasks are on a cluster and it is asked for here */
  #refuseElsewhere(found: SweepFolder, slurm: SlurmSettings | null): void {
    const isOnSlurm = this.#activeJobs(found).some(({ id }) => this.#parts.jobs.slurm.has(id));
    if (slurm !== null || !isOnSlurm) return;
    throw new UserError(`Jobs of the sweep ${found.name} are on Slurm.`, {
      hint: 'Resume it on Slurm, or cancel it first.',
    });
  }

  /** Somebody asks for it: resolves when its first jobs are submitted. */
  async #ask(found: SweepFolder, slurm: SlurmSettings | null): Promise<void> {
    this.#active.add({ name: found.name, slurm });
    const work = this.#begin(found, slurm && { settings: slurm, again: true });
    void this.#follow(found.name, work);
    await work.begun;
  }

  #begin(found: SweepFolder, cluster: OnCluster | null): SweepWork {
    const { workspace } = this.#parts;
    const { name } = found;
    this.#atWork.add(name);
    const tools = { ...this.#parts, workspaceRoot: workspace.root };
    const changed = (): void => this.#tell(name);
    const work: SweepWork = cluster
      ? new SlurmWork(found, cluster, tools, changed)
      : new LocalWork(found, tools, changed);
    this.#works.set(name, work);
    this.#tell(name);
    return work;
  }

  /** @param begun of a sweep that no person asked for now: if it rejects, the next engine tries again */
  async #follow(name: string, work: SweepWork, begun?: Promise<void>): Promise<void> {
    let isRefused = false;
    try {
      await begun;
    } catch (error) {
      // Slurm does not respond, for example.
      warn(name, error);
      isRefused = true;
    }
    try {
      await work.ended;
    } catch (error) {
      warn(name, error);
    }
    if (this.#closing) return;
    this.#atWork.delete(name);
    if (!isRefused) this.#attempt(name, () => this.#active.remove(name));
    this.#tell(name);
  }

  /** A note that cannot be written, for example on a full disk, is a warning and stops nothing. */
  #attempt(name: string, note: () => void): void {
    try {
      note();
    } catch (error) {
      warn(name, error);
    }
  }

  /** What waits or runs for it, here or on a cluster, whoever submitted it. */
  #activeJobs({ folder }: SweepFolder): JobOnRun[] {
    // One that failed on a full disk may still be listed as running.
    this.#parts.jobs.queue.writeLeft();
    return this.#parts.store.onRunsIn(folder).filter(isActive);
  }

  async #row(name: string): Promise<SweepRow> {
    const { cells: _cells, ...row } = await this.get(name);
    return row;
  }

  #standing(found: SweepFolder, holdings: Holdings): SweepStanding {
    const work = this.#works.get(found.name);
    const isAtWork = this.#atWork.has(found.name);
    return standingIn(found, holdings, {
      jobs: this.#parts.store.onRunsIn(found.folder),
      refusals: work?.refusals ?? new Map<string, never>(),
      active: isAtWork,
      onSlurm: isAtWork && work instanceof SlurmWork,
    });
  }

  /** @throws UserError for none of that name */
  #find(name: string): SweepFolder {
    const { runs } = this.#parts.workspace;
    const folder = join(runs, name);
    if (/^\w[\w.+-]*$/.test(name) && existsSync(join(folder, sweepFileName)))
      return { name, folder, sweep: readSweep(folder) };
    const all = sweepsIn(runs).sweeps;
    const titled = all.find(({ sweep }) => sweep.title === name);
    if (titled) return titled;
    const names = all.map((each) => each.name);
    throw new UserError(`There is no sweep "${name}".${didYouMean(name, names)}`, {
      hint: '`basin sweeps` lists them.',
    });
  }

  /** A new sweep does not take up runs that were removed. */
  #refuseTrashed(found: SweepFolder, holdings: Holdings): void {
    const trashed = this.#standing(found, holdings).cells.filter(({ state }) => state === 'trashed');
    if (trashed.length === 0) return;
    throw new UserError(
      `${found.folder} holds ${trashed.length === 1 ? 'a run that is' : `${trashed.length} runs that are`} in the trash.`,
      { hint: 'Restore them with `basin runs restore`, or choose another name.' },
    );
  }

  #tell(name: string): void {
    if (this.#closing || this.#timers.has(name)) return;
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        this.#parts.emit({ type: 'sweeps-changed', name });
      }, tellEvery).unref(),
    );
  }
}
