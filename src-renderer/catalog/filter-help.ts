/** What a filter's keys mean, and examples: for the help beside the field and for completion. */

/** Of the keys that every run has. */
export const keyHelp: Readonly<Record<string, string>> = {
  sigma_f: 'scale of the fixed weights, layer 0',
  kappa: 'same as sigma_F',
  family: 'standard, w-asymmetric, syre …',
  name: 'name of the run',
  data: 'data set',
  models: 'number of models',
  epochs: 'last epoch',
  state: 'ready, training, interrupted, missing, broken',
  origin: 'trained or imported',
  accuracy: 'validation accuracy, percent',
  val_accuracy: 'validation accuracy, percent',
  test_accuracy: 'test accuracy, percent',
  drop: 'accuracy drop of the newest unaligned interpolation, points',
  barrier: 'loss barrier of the newest unaligned interpolation, nats',
  aligned_drop: 'accuracy drop of the newest aligned interpolation',
  aligned_barrier: 'loss barrier of the newest aligned interpolation',
  tag: 'tags',
  notes: 'text of the notes',
  date: 'when it was added: date>=2026-11',
  is: 'starred, archived, or a state',
  group: 'name of a group',
};

export const filterExamples: readonly { text: string; meaning: string }[] = [
  { text: 'sweep', meaning: 'name, path or family contains “sweep”' },
  { text: 'sigma_F>0', meaning: 'numbers: > >= < <= = !=' },
  { text: 'tag:paper', meaning: 'text: contains, upper or lower case' },
  { text: '-syre', meaning: 'not' },
  { text: 'family:syre OR tag:baseline', meaning: 'one of them; otherwise all conditions must hold' },
  { text: 'optimizer.lr>=1e-3', meaning: 'any key of config.yaml; its last part is enough' },
  { text: 'drop>5 is:starred', meaning: 'measures of the newest interpolation; marks' },
];
