/** What `adopt` understood of files without a config: a line per layer. */
import { adoptJob } from '../jobs/adopt.ts';
import { definePresenter } from './present.ts';

export const adopt = definePresenter(
  adoptJob,
  ({ directory, files, architecture, layers, operations, notes }) => ({
    verdict: `Interpreted as ${architecture}.`,
    tone: 'plain',
    facts: [
      ['folder', directory],
      [
        'checkpoints',
        files.length > 4 ? `${files.slice(0, 3).join(', ')} and ${files.length - 3} more` : files.join(', '),
      ],
    ],
    table:
      operations.length > 0
        ? {
            columns: ['value', 'operation', 'of', 'size', 'tensors'],
            rows: operations.map(({ value, operation, takes, size, tensors }) => [
              ...[value, operation, takes.join(' + '), size, tensors.join(', ') || '-'],
            ]),
          }
        : {
            columns: ['layer', 'in the file', 'inputs', 'outputs', 'norm after it', 'activation'],
            rows: layers.map(({ layer, from, inputs, outputs, norm, activation }) => [
              ...[layer, from === '' ? 'weight' : from, inputs, outputs, norm ?? '-', activation ?? '-'],
            ]),
          },
    figures: [],
    notes,
  }),
);
