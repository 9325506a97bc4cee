/**
 * What each request does. One line where possible: the work is done by the part that owns the data. What brings large
 * libraries along (YAML, Parquet, PDF) is loaded when first asked for: `basin runs` must not wait for it.
 */
import type { Handlers } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { inspectNeuronsJob } from '../../src-shared/jobs/inspect-neurons.ts';
import type { SavedFilter } from '../../src-shared/saved-filters.ts';
import { browse } from './browse.ts';
import { relocateRun } from './catalog/relocate.ts';
import { suggestGroups } from './catalog/suggest.ts';
import { readMetrics } from './catalog/metrics.ts';
import type { EngineServices } from './services.ts';

export function handlersOf(engine: EngineServices): Handlers {
  const groupsChanged = <T>(state: T): T => {
    engine.emit({ type: 'groups-changed', state: engine.groups.state() });
    // Rows name the groups that they are in.
    engine.emit({ type: 'runs-changed' });
    return state;
  };
  const filtersChanged = (filters: SavedFilter[]): SavedFilter[] => {
    engine.emit({ type: 'filters-changed', filters });
    return filters;
  };
  return {
    'engine.info': () => engine.info(),

    'runs.list': async () => {
      await engine.lookForFolders();
      // A copy: whoever asked may sort it.
      return [...engine.runs.list()];
    },
    'runs.packed': () => {
      // A window does not wait until 1,600 folders have been checked; an event follows if one is gone.
      setImmediate(() => void engine.lookForFolders().catch(() => undefined));
      return engine.runs.packed();
    },
    'runs.get': async ({ runId }) => {
      const { config, configHash, widths, path } = engine.runs.stored(runId);
      const checkpointRows = engine.runs.checkpoints(runId);
      return {
        ...engine.runs.row(runId),
        config,
        configHash,
        widths,
        checkpointRows,
        metrics: await readMetrics(path),
      };
    },
    'runs.trash': () => engine.runs.trash(),
    'filters.list': () => engine.savedFilters.list(),
    'filters.save': (filter) => filtersChanged(engine.savedFilters.save(filter)),
    'filters.remove': ({ name }) => filtersChanged(engine.savedFilters.remove(name)),

    'runs.measures': () => engine.measures.list(),
    'runs.edit': ({ edit }) => groupsChanged(engine.groups.editRuns(edit)),
    'runs.remove': ({ runIds }) => {
      engine.runs.remove(runIds);
      groupsChanged({});
      return {};
    },
    'runs.relocate': async ({ runId, path }) => {
      await relocateRun(engine.runs, runId, path);
      engine.emit({ type: 'runs-changed' });
      return engine.runs.row(runId);
    },

    'groups.get': () => engine.groups.state(),
    'groups.edit': ({ edit }) => groupsChanged(engine.groups.edit(edit)),
    'groups.undo': ({ step }) => groupsChanged(engine.groups.undo(step)),
    'groups.redo': () => groupsChanged(engine.groups.redo()),
    'groups.suggest': () =>
      suggestGroups(
        engine.runs.list(),
        engine.groups.state().groups,
        (run) => engine.runs.stored(run.id).config,
      ),
    'groups.export': async ({ format }) => {
      const { exportGroups } = await import('./catalog/group-files.ts');
      return exportGroups(format, engine.groups.state().groups, engine.runs);
    },
    'groups.import': async ({ format, text, file }) => {
      const { importGroups } = await import('./catalog/group-files.ts');
      return groupsChanged(importGroups(format, text, engine.groups, engine.runs, file));
    },

    'jobs.list': ({ done }) => engine.jobs.list(done),
    'jobs.get': ({ jobId }) => engine.jobs.get(jobId),
    'jobs.submit': ({ kind, params }) => engine.jobs.submitTyped(kind, params),
    'jobs.submitOnSlurm': ({ jobs, settings }) => engine.jobs.submitOnSlurm(jobs, settings),
    'slurm.cluster': async () => {
      const { clusterOf } = await import('../formats/basin-file.ts');
      return clusterOf(engine.info().workspace);
    },
    'jobs.cancel': ({ jobId }) => engine.jobs.queue.cancel(jobId),
    'jobs.retry': ({ jobId }) => engine.jobs.retry(jobId),
    'jobs.move': ({ jobId, position }) => engine.jobs.move(jobId, position),
    'jobs.remove': ({ jobId }) => {
      engine.jobs.remove(jobId);
      return {};
    },
    'jobs.log': ({ jobId }) => {
      engine.jobs.queue.flushLogs();
      return engine.store.log(jobId);
    },
    'jobs.metrics': ({ jobId }) => engine.store.epochs(jobId),

    'results.list': ({ kind }) => engine.results.list(kind),
    'results.get': ({ resultId }) => {
      const { params, data, provenance } = engine.results.read(resultId);
      return { row: engine.results.row(resultId), params, data, provenance };
    },
    'results.current': ({ questions }) => engine.standings.current(questions),
    'results.standing': ({ resultIds }) => engine.standings.of(resultIds),
    'results.matrix': ({ resultId, name }) => engine.results.matrix(resultId, name),
    'results.export': async ({ resultId, format }) => {
      const { exportResult } = await import('./export-result.ts');
      return exportResult(engine.results, resultId, format);
    },
    'results.bundle': async ({ resultIds }) => {
      const { bundleAnalysis } = await import('./bundle.ts');
      return bundleAnalysis(engine, resultIds);
    },
    'results.remove': ({ resultId }) => {
      engine.partStore.removeUnused(engine.results.remove(resultId));
      engine.emit({ type: 'results-changed' });
      return {};
    },

    'parts.report': () => engine.partStore.report(),
    'parts.clear': () => engine.partStore.clear(),

    'neurons.inspect': async ({ client, params }) =>
      inspectNeuronsJob.result.parse(await engine.questions.ask(client, inspectNeuronsJob.kind, params)),
    'neurons.stop': ({ client }) => {
      engine.questions.stop(client);
      return {};
    },

    'figures.list': () => engine.figures.list(),
    'figures.save': (figure) => {
      const row = engine.figures.save(figure);
      engine.emit({ type: 'figures-changed' });
      return row;
    },
    'figures.update': ({ figureId, ...change }) => {
      const row = engine.figures.update(figureId, change);
      engine.emit({ type: 'figures-changed' });
      return row;
    },
    'figures.remove': ({ figureId }) => {
      engine.figures.remove(figureId);
      engine.emit({ type: 'figures-changed' });
      return {};
    },
    'figures.export': async ({ recipe, format, dpi }) => {
      // Fonts and the PDF writer are loaded when the first figure is drawn.
      const { exportFigure, exportWarnings } = await import('./figures/export.ts');
      const bytes = await exportFigure(recipe, format, { dpi });
      const warnings = exportWarnings(recipe, format);
      return { bytes, filename: `${recipe.kind}.${format}`, warnings };
    },

    'train.presets': async () => (await import('./train-form.ts')).presets(),
    'data.list': async () => (await import('./data-list.ts')).listDataSets(engine.dataHome),
    'data.remove': async (removal) => {
      const { removeDataSet } = await import('./data-remove.ts');
      return removeDataSet(removal, engine.dataHome, engine.runs.list());
    },
    'train.preview': async ({ config, overrides }) => {
      const { preview } = await import('./train-form.ts');
      return preview(config, overrides, { stepTimes: engine.stepTimes, home: engine.dataHome });
    },

    'sweeps.list': () => engine.sweeps.list(),
    'sweeps.get': ({ name }) => engine.sweeps.get(name),
    'sweeps.plan': ({ draft, thorough }) => engine.sweeps.plan(draft, thorough),
    'sweeps.start': ({ draft, on }) => engine.sweeps.start(draft, on),
    'sweeps.resume': ({ name, on }) => engine.sweeps.resume(name, on),
    'sweeps.cancel': ({ name }) => engine.sweeps.cancel(name),
    'sweeps.rename': ({ name, title }) => engine.sweeps.rename(name, title),
    'sweeps.remove': async ({ name, runs }) => groupsChanged(await engine.sweeps.remove(name, runs)),

    'demo.start': async () => ({ jobIds: await engine.demo.start() }),

    'server.address': () => {
      if (engine.pages) return engine.pages.newAddress();
      throw new UserError('This engine is not served to browsers.', {
        hint: 'Close the Basin that has the workspace open, then start `basin serve`.',
      });
    },

    'files.browse': ({ path }) => browse(path),
  };
}
