/** Models whose tied weights are two, so that a norm's scale can go into one of them. */
import { untied } from '../../../../src-shared/networks/exported/untie.ts';
import type { Untied } from '../../../../src-shared/networks/exported/untie.ts';
import type { LoadedModel } from '../../load-models.ts';
import type { NamedArrays } from '../../networks/permute.ts';

/** The same models, of the untied network if that lets more of it be rotated. @param models of one architecture */
export function untiedModels(models: readonly LoadedModel[]): LoadedModel[] {
  const [{ run, spec }] = models as [LoadedModel];
  const exported = spec.architecture === 'declared' ? spec.exported : undefined;
  const found = exported && untied(run.graph, exported);
  return found ? models.map((model) => untiedModel(model, found)) : [...models];
}

function untiedModel(model: LoadedModel, { network, exported, copies, splits }: Untied): LoadedModel {
  const { spec, run, acting, state } = model;
  if (spec.architecture !== 'declared')
    throw new Error(`${model.name} is not a network exported from PyTorch`);
  const own = { ...spec, graph: network.graph, exported };
  return {
    ...model,
    spec: own,
    run: { ...run, spec: own, graph: network, untied: splits },
    acting: withCopies(acting, copies),
    state: withCopies(state, copies),
  };
}

function withCopies<T extends NamedArrays<Float32Array>>(arrays: T, copies: Untied['copies']): T {
  const found = new Map(arrays);
  for (const [name, copy] of copies) {
    const array = arrays.get(name);
    if (array) found.set(copy, array);
  }
  return found as unknown as T;
}
