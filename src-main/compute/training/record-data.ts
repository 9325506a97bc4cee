/** What a run's config says of its data once they have been read. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Task } from '../../../src-shared/objective.ts';
import { dataSetNamed, isOwnName } from '../../formats/data-sets.ts';
import { graphNamed } from '../../formats/graph-data.ts';
import type { ComputeContext } from '../context.ts';
import type { Dataset } from '../data/index.ts';
import { planTraining } from './plan.ts';
import type { TrainingPlan } from './plan.ts';

/**
 * The config says what the data are, not what they were taken for, and what is learnt from them.
 * @throws UserError if the config says that something else is learnt
 */
export function recordData(plan: TrainingPlan, dataset: Dataset, context: ComputeContext): TrainingPlan {
  const task = taskOf(plan, dataset);
  if (plan.data.geometry !== undefined) return plan;
  const known = graphNamed(plan.data.name) ?? dataSetNamed(plan.data.name)?.name;
  if (dataset.name !== plan.data.name && known !== dataset.name) {
    const unknown = dataset.nodes ? 'an unpublished graph' : 'IDX files of an unknown data set';
    const what =
      isOwnName(dataset.name) || dataset.name.startsWith('graph-') ? unknown : `the data set ${dataset.name}`;
    const line = `${dataset.origin} holds ${what}, not ${plan.data.name}: recorded as dataset.name=${dataset.name}`;
    context.emit({ type: 'log', level: 'warning', line });
  }
  const own = { name: dataset.name, ...(dataset.contents && { contents: dataset.contents.slice(0, 16) }) };
  const folder = dataset.folder && { data_dir: dataset.folder };
  const learnt = task !== undefined && { task };
  const config = { ...plan.config, dataset: { ...plan.config.dataset, ...own, ...folder, ...learnt } };
  if (task === plan.data.task) return { ...plan, config, data: { ...plan.data, ...own } };
  return { ...planTraining(config), notes: plan.notes };
}

/** Undefined: one class per example. */
function taskOf({ data }: TrainingPlan, dataset: Dataset): Task | undefined {
  const task = dataset.task === 'classification' ? undefined : dataset.task;
  const asked = data.task;
  if (asked === undefined || asked === (task ?? 'classification')) return task ?? asked;
  throw new UserError(`dataset.task is ${asked}, but ${dataset.name} is for ${task ?? 'classification'}.`, {
    hint: 'Leave dataset.task out: it follows from the data.',
  });
}
