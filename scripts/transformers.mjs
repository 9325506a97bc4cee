/**
 * `node scripts/transformers.mjs [FOLDER]`: small ViTs on the embedded digits, trained by Basin, and small GPTs on the text of a
 * grammar, trained by PyTorch; the lines between them unaligned, aligned by permutations, and by orthogonal maps. Draws
 * docs/orthogonal.svg again, and prints the table of docs/orthogonal.md. Losses of GPTs are measured by PyTorch, on the aligned
 * models that Basin writes. Needs a Python with PyTorch (BASIN_TORCH_PYTHON, or the one that `CI=true npm test` fetched).
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreground, inClone, script } from './lib/launch.mjs';
import { lastLine, run } from './lib/process.mjs';
import { torchPython } from './lib/torch.mjs';

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'basin-transformers-'));
const place = (...names) => join(folder, ...names);
const alignments = {
  none: 'Unaligned',
  weight: 'Aligned by weights',
  orthogonal: 'Aligned by orthogonal maps',
};
const [epochs, steps] = [10, 12];
const restarts = ['--restarts', '4'];

async function basin(...args) {
  const program = inClone('src-main', 'cli', 'basin.mjs');
  const code = await foreground([program, ...args, '--workspace', place('workspace')]);
  if (code !== 0) throw new Error(`basin ${args.slice(0, 3).join(' ')} failed`);
}

async function python(...args) {
  const { python: program, reason } = await torchPython();
  if (!program) throw new Error(reason);
  const { code, stdout, stderr } = await run(program, [
    inClone('scripts', 'lib', 'transformers.py'),
    ...args,
  ]);
  if (code !== 0) throw new Error(lastLine(stderr));
  return stdout;
}

/** A folder that was begun is continued. */
const unlessThere = async (path, make) => {
  if (!existsSync(path)) await make(path);
};

const adopt = (name, ...more) =>
  unlessThere(place(`${name}-adopted`), (directory) =>
    basin('run', 'adopt', '--network', place(`${name}.pt2`), '--directory', directory, ...more),
  );

/** Curves of every pair, by alignment. */
async function vits() {
  await adopt('ViT');
  const settings = ['dataset=mnist-10k', 'num_models=3', 'seed=1', 'optimizer.lr=0.002'];
  const times = [`training.num_epochs=${epochs}`, `training.save_every=${epochs}`];
  await unlessThere(place('ViT'), (out) =>
    basin('train', place('ViT-adopted'), '--out', out, ...settings, ...times),
  );
  const found = {};
  for (const align of Object.keys(alignments)) {
    const out = place(`ViT-${align}.json`);
    const question = ['--run', place('ViT'), '--epoch', String(epochs), '--align', align, '--splits', 'test'];
    await unlessThere(out, () =>
      basin('run', 'interpolate', ...question, '--steps', String(steps), ...restarts, '--out', out),
    );
    const { pairs: curves } = JSON.parse(readFileSync(out, 'utf8'));
    found[align] = curves.map(({ test_loss: values }) => values);
  }
  return found;
}

async function gpts() {
  await adopt('GPT', '--paths', [1, 2].map((seed) => place(`GPT-${seed}.pt`)).join(','));
  for (const align of ['weight', 'orthogonal'])
    await unlessThere(place(`GPT-${align}`), (directory) =>
      basin(
        ...['run', 'merge', '--run', place('GPT-adopted'), '--epoch', '1', '--align', align, ...restarts],
        ...['--write', 'aligned', '--directory', directory],
      ),
    );
  return JSON.parse(await python('lines', folder, String(steps)));
}

/** Largest gap above the straight line between the ends. */
const barrier = (values) =>
  Math.max(...values.map((value, i) => value - values[0] - (i / steps) * (values[steps] - values[0])));

function row(name, title, curves) {
  const found = curves.map(barrier);
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  return `| ${name} | ${title} | ${mean.toFixed(3)} | ${found.map((value) => value.toFixed(3)).join(', ')} |`;
}

script(async () => {
  await unlessThere(place('GPT-2.pt'), () => python('make', folder));
  const found = { ViT: await vits(), GPT: await gpts() };
  const lambdas = Array.from({ length: steps + 1 }, (_, i) => i / steps);
  const panels = Object.entries(alignments).map(([align, title]) => ({
    title,
    series: Object.entries(found).map(([label, curves]) => ({
      ...{ label, lambdas },
      curves: curves[align].map((values, i) => ({ pair: ['1–2', '1–3', '2–3'][i], values })),
    })),
  }));
  const caption =
    'Test loss along the straight line between two models: three pairs of ViTs (mean; band: minimum to maximum) and one of GPTs.';
  const options = { size: 'double' };
  const recipe = { kind: 'interpolation', data: { metric: 'loss', split: 'test', panels }, options, caption };
  writeFileSync(place('recipe.json'), JSON.stringify(recipe));
  await basin('figure', place('recipe.json'), '--out', inClone('docs', 'orthogonal.svg'), '--force');
  const rows = Object.entries(found).flatMap(([name, curves]) =>
    Object.entries(alignments).map(([align, title]) => row(name, title.toLowerCase(), curves[align])),
  );
  process.stdout.write(`${rows.join('\n')}\nruns and results: ${folder}\n`);
  return 0;
});
