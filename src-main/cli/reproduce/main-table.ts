/** The main result on digits: which families of networks can be averaged as they are, and which need alignment. */
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { demoCurves } from '../demo/figure.ts';
import type { DemoFamily } from '../../../src-shared/demo.ts';
import { demoFamilies, demoSetting } from '../../../src-shared/demo.ts';
import { spread, modelAccuracies, treatments } from '../demo/summary.ts';
import type { CurvesByTreatment, Treatment } from '../demo/summary.ts';
import { accuracyDrop, dropText } from './accuracy-drop.ts';
import { isAbove, isBelow, type Outcome, type Sample } from '../../../src-shared/verdicts/rules.ts';
import type { Experiment, ExperimentRow, ExperimentWork } from './experiment.ts';

const questions = {
  none: { align: 'none' },
  activation: { align: 'activation' },
  weight: { align: 'weight' },
  reference_lmc_script: { align: 'activation', mode: 'reference-lmc-script' },
} as const;

const names: Record<Treatment, string> = {
  none: 'unaligned',
  activation: 'aligned by activations',
  weight: 'aligned by weights',
  reference_lmc_script: 'anti-aligned (LMC script)',
};

/** Does the paper expect a family to be connected without alignment? */
const connected = ({ sigmaF }: DemoFamily): boolean => sigmaF !== null && sigmaF > 0;

/** Points of accuracy: a smaller drop counts as none. */
const noDrop = 5;
/** A drop that deserves the name. */
const largeDrop = 10;

async function measure(work: ExperimentWork, family: DemoFamily): Promise<CurvesByTreatment> {
  const setting = demoSetting(work.size === 'paper' ? 'paper' : 'demo', { seed: work.seed });
  const share = 1 / demoFamilies.length;
  const message = `training ${setting.models} ${family.name} networks`;
  const trained = await work.train(setting.preset(family), setting.overrides, message, 0.8 * share);
  const curves: Partial<Record<Treatment, Interpolation[]>> = {};
  for (const treatment of treatments) {
    const result = await work.run(
      'interpolate',
      {
        run: trained.run_directory,
        epoch: setting.epochs,
        splits: ['test'],
        matchingSeed: work.seed,
        ...questions[treatment],
      },
      `${family.name}: interpolating, ${names[treatment]}`,
      (0.2 * share) / treatments.length,
    );
    curves[treatment] = 'pairs' in result ? result.pairs : [result];
  }
  return curves as CurvesByTreatment;
}

function rowsOf(family: DemoFamily, curves: CurvesByTreatment): ExperimentRow[] {
  const accuracy = spread(modelAccuracies(curves.none));
  const row = (treatment: Treatment, expected: string, holds: (drop: Sample) => Outcome | null) => {
    const drop = accuracyDrop(curves[treatment]);
    return {
      what: `${family.name}, accuracy drop, ${names[treatment]}`,
      expected,
      measured: dropText(drop),
      holds: holds(drop.points),
    };
  };
  return [
    {
      what: `${family.name}, test accuracy of the networks`,
      expected: '-',
      measured: `${accuracy.mean.toFixed(1)} ± ${accuracy.std.toFixed(1)} %`,
      holds: null,
    },
    connected(family)
      ? row('none', 'about none: linearly connected unaligned', (drop) => isBelow(drop, noDrop))
      : row('none', 'large: not connected unaligned', (drop) => isAbove(drop, largeDrop)),
    row('activation', connected(family) ? '-' : 'about none', (drop) =>
      connected(family) ? null : isBelow(drop, noDrop),
    ),
    row('weight', '-', () => null),
    row('reference_lmc_script', 'pairs the least correlated neurons', () => null),
  ];
}

export const experiment: Experiment = {
  title: 'Linear mode connectivity of asymmetric networks on digits',
  async run(work) {
    const { text } = demoSetting(work.size === 'paper' ? 'paper' : 'demo', { seed: work.seed });
    const rows: ExperimentRow[] = [];
    const drawn: { label: string; curves: CurvesByTreatment }[] = [];
    for (const family of demoFamilies) {
      const curves = await measure(work, family);
      drawn.push({ label: family.name, curves });
      rows.push(...rowsOf(family, curves));
    }
    const data = demoCurves(drawn);
    const caption = `Test accuracy on the straight line between two networks, unaligned and aligned by activations. ${text}.`;
    return {
      rows,
      figures: { 'main-table': { kind: 'interpolation', data, options: { size: 'double' }, caption } },
    };
  },
};
