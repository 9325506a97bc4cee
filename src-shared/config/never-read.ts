/** Keys of a config that no training reads, whatever else it says. */

/** Keys that no training of Basin reads, sections included: why, and what to use instead. */
const never: Record<string, string> = {
  'model._target_': 'Basin builds the network from the other keys of "model".',
  'model.parameter_names': 'it describes adopted weights.',
  'model.constants': 'it describes adopted weights.',
  'model.ignored_tensors': 'it describes adopted weights.',
  'dataset.coherence_rotation.axis_signs': 'training records it; there is only one value.',
  'dataset.task': 'training records it: it follows from the data.',
  'model.description': 'it describes adopted weights.',
  'model.network': 'it is the graph of an exported network; "basin run adopt --network" writes it.',
  adopted_from: 'it describes adopted weights.',
  adopted_as: 'it describes adopted weights.',
  'model.permutations': 'it describes adopted weights.',
  'model.ignore': 'it describes adopted weights.',
  'model.C_lst': 'the matrices C of gates are drawn from mask_seed.',
  'dataset.num_workers': "it is a setting of PyTorch's data loader; Basin keeps the data in memory.",
  'dataset.pin_memory': "it is a setting of PyTorch's data loader; Basin keeps the data in memory.",
  'dataset.enable_ffcv': "it is a setting of PyTorch's data loader; Basin keeps the data in memory.",
  'training.save_path': 'checkpoints are saved in the run folder; choose it with --out DIR.',
  'training.save_grad_every': 'gradients are not saved.',
  'training.save_params_every': 'checkpoints are saved every training.save_every epochs.',
  'interpolation.rebasin':
    'models are compared unaligned while they train; run "basin run interpolate --align activation" on the finished run.',
  'training.interpolation.rebasin':
    'models are compared unaligned while they train; run "basin run interpolate --align activation" on the finished run.',
  logging: 'nothing is sent anywhere; curves are saved in metrics.json of the run folder.',
  hydra: 'Basin does not run under Hydra; choose the run folder with --out DIR.',
  fork: 'training records it; fork a run with "basin train --fork RUN --epoch K".',
  device: 'the back end is chosen with BASIN_BACKEND; "basin doctor" shows which one is in use.',
  output_dir: 'choose the run folder with --out DIR.',
  max_parallel_processes: 'all models of a run are trained together.',
};

/** Why no training reads this key; undefined if some do. */
export function reasonNever(key: string): string | undefined {
  const rule = neverRule(key);
  return rule === undefined ? undefined : never[rule];
}

/** The key of `never` that this key is or lies under: keys that share it share their reason. */
export function neverRule(key: string): string | undefined {
  return Object.keys(never).find((rule) => key === rule || key.startsWith(`${rule}.`));
}
