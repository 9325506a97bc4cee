/** Kind `symmetries`: the permutation groups of a run's network, or of one that PyTorch exported. */
import { UserError } from '../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../src-shared/jobs/define.ts';
import type { symmetriesJob } from '../../src-shared/jobs/symmetries.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import type { GroupAxis, PermutationGroup } from '../../src-shared/networks/symmetries.ts';
import { accounted } from '../compute/accounted.ts';
import type { Compute, ComputeContext } from '../compute/context.ts';
import { loadModels, readRun } from '../compute/load-models.ts';
import { checkExportedGroups } from '../compute/networks/check-exported.ts';
import { checkGroups } from '../compute/networks/check-symmetries.ts';
import { actingArrays } from '../compute/networks/effective.ts';
import { isExported } from '../compute/networks/parameters.ts';
import { inDoubles } from '../compute/networks/permute.ts';
import type { NamedArrays } from '../compute/networks/permute.ts';
import { isCounter } from '../formats/tensor-names.ts';
import { readRunDirectory } from '../formats/run-directory.ts';
import { exportedModel } from './adopt/exported.ts';

type Params = ParamsOf<typeof symmetriesJob>;
type Result = ResultOf<typeof symmetriesJob>;

interface Model {
  where: string;
  network: Network;
  /** Acting parameters; read only for the check. */
  arrays: () => NamedArrays;
}

export const symmetries: Compute<Params, Result> = async (params, context) => {
  const { where, network, arrays } = params.run === undefined ? exported(params) : ofRun(params, params.run);
  const { groups, fixed } = symmetriesOf(network);
  return {
    network: where,
    groups: groups.map((group) => written(group, groups)),
    fixed: [...fixed],
    check: params.check ? await checked(network, arrays(), groups, context) : null,
  };
};

function exported({ network: path, output }: Params): Model {
  const { graph, state } = exportedModel(path!, output);
  const network = readNetwork(graph, path);
  return { where: path!, network, arrays: () => withoutCounters(actingArrays(network, state)) };
}

function ofRun({ epoch }: Params, path: string): Model {
  const run = readRun(path);
  const arrays = (): NamedArrays => {
    const { checkpoints, directory } = readRunDirectory(path);
    const last = epoch ?? Math.max(...checkpoints.map((file) => file.epoch));
    if (checkpoints.length === 0)
      throw new UserError(`${directory}: there is no checkpoint in it to check the groups with.`, {
        hint: 'Without a check: --no-check.',
      });
    return loadModels(path, undefined, last)[0]!.acting;
  };
  return { where: run.configPath, network: run.graph, arrays };
}

const withoutCounters = (arrays: NamedArrays): NamedArrays =>
  new Map([...arrays].filter(([name]) => !isCounter(name)));

function written(group: PermutationGroup, groups: readonly PermutationGroup[]): Result['groups'][number] {
  const { name, size, axes, movesFixed } = group;
  const insides = Array.from({ length: size }, (_, unit) =>
    groups.filter(({ inside }) => inside === `${name}.${unit}`).map((other) => other.name),
  );
  return {
    ...{ name, size },
    blocks: insides.some((names) => names.length > 0) ? insides : [],
    axes: axes.map(({ parameter, axis, within, ...places }) => ({
      ...{ parameter, axis, entries: entriesOf(places, size) },
      ...(within && { rows: { start: within.start, count: within.count } }),
    })),
    moves_fixed: [...movesFixed],
  };
}

const entriesOf = ({ places, block }: Pick<GroupAxis, 'places' | 'block'>, size: number): number[][] =>
  Array.from({ length: size }, (_, unit) => [...places.subarray(unit * block, (unit + 1) * block)]);

async function checked(
  network: Network,
  arrays: NamedArrays,
  groups: readonly PermutationGroup[],
  context: ComputeContext,
): Promise<NonNullable<Result['check']>> {
  const told = (most: number, ok: boolean, failed: string[]) => ({
    ...{ max_relative_change: Number.isFinite(most) ? most : null, ok, failed },
  });
  if (!isExported(network)) {
    const checks = checkGroups(network, inDoubles(arrays), groups);
    const failed = checks.filter(({ ok }) => !ok).map(({ group }) => group);
    return told(Math.max(0, ...checks.map((check) => check.maxRelativeChange)), failed.length === 0, failed);
  }
  const backend = await context.backend();
  const check = await accounted(backend, 'symmetries', () =>
    Promise.resolve(checkExportedGroups(backend, network, arrays, groups)),
  );
  return told(
    check.maxRelativeChange,
    check.ok,
    check.failed.map(({ group }) => group),
  );
}
