/** From imported checkpoints to a figure in a paper: measured by a real engine, seen in a browser, every file checked. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureRun } from '../support/fixtures.ts';
import { basin, basinJson } from '../support/cli.ts';
import { closeBrowser, goTo, noBrowser, openWindow, places, takeComplaints } from '../support/browser.ts';
import { diverging, unchanged, writeOverflowingRun } from '../support/overflowing-run.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

function has(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(noBrowser)('figures', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    const app = await startServed(workspace);
    ({ page } = await openWindow(app, { acceptDownloads: true }));
    for (const name of ['sym0', 'sym3_kappa1']) {
      await page.getByRole('button', { name: 'Import…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Import runs' });
      await dialog.getByRole('textbox', { name: /Folder/ }).fill(fixtureRun(name));
      await dialog.getByRole('button', { name: 'Import this folder' }).click();
      await dialog.waitFor({ state: 'hidden' });
      await page.locator(`[role=row][data-run="${name}"]`).waitFor();
    }
    await page.getByRole('button', { name: 'Suggest groups…' }).click();
    await page.getByRole('button', { name: 'Make 2 groups' }).click();
    await page.locator('[data-group]').nth(1).waitFor();
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });

  /** The digits that the fixtures were trained on; their configs name a folder of another machine. */
  async function chooseDigits(): Promise<void> {
    await page.getByRole('button', { name: /^data:/ }).click();
    const choice = page.getByLabel('Data set');
    await choice.selectOption('mnist-10k');
    await choice.press('Escape');
    await choice.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'data: mnist-10k' }).waitFor();
  }

  it('measures curves of every group and shows barriers, unaligned and aligned', async () => {
    await goTo(page, 'interpolation');
    await chooseDigits();
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const table = page.getByRole('table', { name: 'Barriers per group' });
    await table.waitFor({ timeout: 150_000 });
    const cells = () => table.getByRole('row').nth(1).getByRole('cell').allTextContents();
    await expect
      .poll(cells, { timeout: 150_000 })
      // Both alignments, with mean and spread: of the loss, and of accuracy in points.
      .toEqual([
        ...[expect.stringContaining('standard'), '6', expect.stringMatching(/%$/)],
        ...[0, 1].map(() => expect.stringMatching(/^\d\.\d{3} ± [\d.]+$/)),
        ...[0, 1].map(() => expect.stringMatching(/^\d+\.\d ± [\d.]+ points$/)),
        expect.stringMatching(/%$/),
      ]);
    const [lossUnaligned, lossAligned, unaligned, aligned] = (await cells()).slice(3, 7).map(parseFloat);
    expect(unaligned).toBeGreaterThan(10);
    expect(aligned).toBeLessThan(5);
    expect(lossUnaligned).toBeGreaterThan(5 * lossAligned!);
    await page.getByRole('img', { name: /unaligned and aligned/ }).waitFor();
  });

  it('shows the barrier by the definition that is chosen, and who uses it', async () => {
    const table = page.getByRole('table', { name: 'Barriers per group' });
    const choice = page.getByLabel('barrier definition');
    const note = page.locator('p.note', { hasText: 'Accuracy drop: the same' });
    expect(await choice.inputValue()).toBe('chord');
    expect(await note.textContent()).toContain('Entezari et al. 2022');
    const found: Record<string, number[]> = {};
    for (const [definition, who] of [
      ['chord', 'Entezari'],
      ['mean_ends', 'Git Re-Basin'],
      ['max_ends', 'Level-set questions'],
      ['midpoint', 'averaging'],
    ] as const) {
      await choice.selectOption(definition);
      await expect.poll(() => note.textContent()).toContain(who);
      const cells = await table.getByRole('row').nth(1).getByRole('cell').allTextContents();
      found[definition] = cells.slice(3, 7).map((text) => parseFloat(text.replace('−', '-')));
    }
    for (const place of [0, 2]) {
      expect(found['chord']![place]).toBeGreaterThanOrEqual(found['max_ends']![place]!);
      expect(found['mean_ends']![place]).toBeGreaterThan(found['max_ends']![place]!);
      expect(found['midpoint']![place]).toBeLessThanOrEqual(found['chord']![place]!);
    }
    await choice.selectOption('chord');
  });

  /** Mean of the barrier in a cell of the table. */
  const barrierIn = (text: string | undefined) => parseFloat(text ?? '');

  it('draws the line between any two checkpoints, as it is drawn among all pairs of their run', async () => {
    await page.getByText('All pairs', { exact: true }).click();
    const pairs = page.locator('figure', { hasText: 'standard, unaligned' }).getByRole('row');
    const among = barrierIn(await pairs.nth(1).getByRole('cell').nth(2).textContent().then(String));

    await page.getByRole('button', { name: 'Two checkpoints' }).click();
    for (const [name, model] of [
      ['First', '1'],
      ['Second', '3'],
    ] as const) {
      const end = page.getByRole('group', { name: `${name} checkpoint` });
      await end.getByLabel('run').selectOption({ label: 'sym0' });
      await end.getByLabel('model').selectOption(model);
      await expect.poll(() => end.getByLabel('epoch').inputValue()).toBe('5');
    }
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const row = page.getByRole('row', { name: /^sym0 model 1 epoch 5 – sym0 model 3 epoch 5/ });
    await expect
      .poll(async () => barrierIn((await row.getByRole('cell').allTextContents())[5]), { timeout: 150_000 })
      .toBeCloseTo(among, 5);
    expect(among).toBeGreaterThan(10);
    expect(await row.getByRole('cell').nth(1).textContent()).toBe('1');
    await page.getByRole('button', { name: 'Groups', exact: true }).click();
  });

  it('measures all pairs of the single checkpoints of a group', async () => {
    const group = {
      architecture: 'mlp',
      key: 'one over time',
      members: [{ run: fixtureRun('sym0'), checkpoints: [0, 1, 5].map((epoch) => ({ model: 1, epoch })) }],
    };
    const file = join(newWorkspace(), 'groups.json');
    writeFileSync(file, JSON.stringify({ basin_groups: 1, groups: [group] }));
    const { code, stderr } = await basin(['groups', 'import', file, '--workspace', workspace]);
    expect(code, stderr).toBe(0);
    // All groups are shown, so this one is too.
    const chip = page.getByRole('group', { name: 'Groups shown' }).getByRole('button', { name: group.key });
    await chip.waitFor();
    expect(await chip.getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const row = page.getByRole('row', { name: /^one over time/ });
    await expect.poll(() => row.getByRole('cell').nth(1).textContent(), { timeout: 150_000 }).toBe('3');
    await expect
      .poll(() => row.getByRole('cell').nth(6).textContent(), { timeout: 150_000 })
      .toMatch(/points/);
    await page.getByRole('group', { name: 'Groups shown' }).getByRole('button', { name: group.key }).click();
  });

  it('exports SVG, PDF, PNG, CSV and JSON, all of them readable by what reads such files', async () => {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const files: Record<string, string> = {};
    for (const [format, name] of [
      ['svg', 'SVG'],
      ['pdf', 'PDF'],
      ['png', 'PNG'],
      ['csv', 'Numbers as CSV'],
      ['json', 'Numbers as JSON'],
    ] as const) {
      const download = page.waitForEvent('download');
      await dialog.getByRole('button', { name, exact: true }).click();
      files[format] = await (await download).path();
    }
    const svg = readFileSync(files.svg!, 'utf8');
    const problems = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
      return [...parsed.querySelectorAll('parsererror')].map((each) => each.textContent);
    }, svg);
    expect(problems).toEqual([]);
    expect(svg).toMatch(/<text[^>]*>[^]*Unaligned/);
    expect(svg).toContain('standard');

    const png = readFileSync(files.png!);
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    const inches = Number(/viewBox="0 0 ([\d.]+) /.exec(svg)?.[1] ?? NaN) / 72;
    expect(Math.abs(png.readUInt32BE(16) - inches * 300)).toBeLessThanOrEqual(2);

    expect(readFileSync(files.csv!, 'utf8').split('\n').length).toBeGreaterThan(20);
    expect(JSON.parse(readFileSync(files.json!, 'utf8'))).toBeTypeOf('object');
    if (has('pdffonts') && has('pdftotext')) {
      const fonts = execFileSync('pdffonts', [files.pdf!], { encoding: 'utf8' }).trim().split('\n').slice(2);
      expect(fonts.length).toBeGreaterThan(0);
      // Columns: name, type, encoding, emb, sub, uni.
      for (const font of fonts) expect(font).toMatch(/TrueType.*\byes\s+yes\s+yes\b/);
      const text = execFileSync('pdftotext', [files.pdf!, '-'], { encoding: 'utf8' });
      for (const word of ['Unaligned', 'standard', 'SYRE']) expect(text).toContain(word);
    } else process.stderr.write('NOT TESTED HERE: fonts and text of PDFs (install poppler-utils)\n');

    await dialog.getByLabel('PNG resolution').selectOption({ label: '600 dpi' });
    const fine = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'PNG', exact: true }).click();
    const twice = readFileSync(await (await fine).path()).readUInt32BE(16);
    expect(Math.abs(twice - inches * 600)).toBeLessThanOrEqual(2);

    await dialog.getByRole('button', { name: 'Save to Figures' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await goTo(page, 'figures');
    await page.getByRole('heading', { name: /Interpolation, test accuracy/ }).waitFor();

    // The terminal draws the figure that was kept: the very file that the view gave.
    const at = ['--workspace', workspace];
    const [kept] = await basinJson<{ id: string }[]>(['figure', 'list', ...at]);
    const elsewhere = newWorkspace();
    const formats = ['--format', 'pdf', 'svg'];
    const drawn = await basin(['figure', kept!.id, ...formats, ...at], { cwd: elsewhere });
    expect(drawn.code, drawn.stderr).toBe(0);
    for (const format of ['pdf', 'svg']) {
      const again = readFileSync(join(elsewhere, `interpolation.${format}`));
      expect(again.equals(readFileSync(files[format]!)), format).toBe(true);
    }
  });

  it('marks what is not finite: crosses in the figure, counts in the table, pairs without a barrier', async () => {
    const run = writeOverflowingRun(join(newWorkspace(), 'overflows'), [unchanged, diverging, unchanged]);
    await goTo(page, 'catalog');
    await page.getByRole('button', { name: 'Import…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import runs' });
    await dialog.getByRole('textbox', { name: /Folder/ }).fill(run);
    await dialog.getByRole('button', { name: 'Import this folder' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('[role=row][data-run="overflows"]').waitFor();
    const { code, stderr } = await basin(['groups', 'add', 'overflows', run, '--workspace', workspace]);
    expect(code, stderr).toBe(0);
    await goTo(page, 'interpolation');
    const chips = page.getByRole('group', { name: 'Groups shown' }).getByRole('button');
    for (const chip of await chips.all()) {
      const shows = (await chip.getAttribute('aria-pressed')) === 'true';
      if (shows !== ((await chip.textContent()) ?? '').includes('overflows')) await chip.click();
    }
    await page.getByRole('button', { name: /^Measure \d/ }).click();
    const row = page.getByRole('row', { name: /^overflows/ });
    await expect
      .poll(() => row.getByRole('cell').nth(5).textContent(), { timeout: 150_000 })
      .toMatch(/points \(1 of 3\)$/);
    expect(await row.getByRole('cell').nth(3).getAttribute('title')).toContain('2 of 3 pairs have no number');
    const curves = page.getByRole('region', { name: 'Curves' });
    expect(await curves.textContent()).toContain('not finite');
    await expect.poll(() => curves.textContent()).toContain('model 2');
    const details = page.locator('details', { hasText: 'All pairs' });
    if ((await details.getAttribute('open')) === null)
      await page.getByText('All pairs', { exact: true }).click();
    const pairs = page
      .locator('figure', { hasText: 'overflows, unaligned' })
      .getByRole('cell', { name: 'none' });
    expect(await pairs.count()).toBe(4);
    expect(await pairs.first().getAttribute('title')).toMatch(/\d of 9 points are not finite/);
  });

  it('shows a matrix: the value under the pointer, a threshold, a jump', async () => {
    await goTo(page, 'matrices');
    await page.getByRole('combobox', { name: 'run' }).selectOption({ label: 'sym0' });
    await chooseDigits();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    const canvas = page.locator('.large canvas');
    await canvas.waitFor({ timeout: 150_000 });

    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Numbers as JSON' }).click();
    const { rows } = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as Numbers;
    await dialog.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    const title = await page.getByRole('main').getByRole('heading', { level: 1 }).textContent();
    const entries = rows.filter(([panel]) => panel === title);
    const size = Math.sqrt(entries.length);
    expect(size).toBe(64);
    const reading = () => page.locator('.head .reading').textContent();
    /** As the view writes it: four digits, a typographic minus. */
    const entry = (i: number, j: number) => {
      const value = entries.find(([, row, column]) => row === i && column === j)![3];
      return `(${i}, ${j}) = ${String(Number(value.toPrecision(4))).replace('-', '−')}`;
    };
    /** What the view says with the pointer there: moved afresh each time, because the picture may just have moved. */
    const readingAt = async (x: number, y: number) => {
      const box = (await canvas.boundingBox())!;
      await page.mouse.move(0, 0);
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      return reading();
    };
    for (const [i, j] of [
      [0, 0],
      [3, 41],
      [62, 7],
    ] as const) {
      await expect.poll(() => readingAt((j + 0.5) / size, (i + 0.5) / size)).toBe(entry(i, j));
    }

    /** Part of the picture in the colour of what lies below the threshold. */
    const faint = () =>
      canvas.evaluate((element: HTMLCanvasElement) => {
        const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
        let count = 0;
        for (let k = 0; k < data.length; k += 4)
          if (data[k] === 238 && data[k + 1] === 237 && data[k + 2] === 234) count++;
        return count / (data.length / 4);
      });
    await expect.poll(faint).toBeLessThan(0.01);
    const slider = page.getByRole('slider', { name: 'Grey out entries below' });
    const threshold = await slider.evaluate((input: HTMLInputElement) => {
      input.value = String(Number(input.max) / 3);
      input.dispatchEvent(new Event('input', { bubbles: true }));
      return Number(input.value);
    });
    const below = entries.filter(([, , , value]) => Math.abs(value) < threshold).length / entries.length;
    expect(below).toBeGreaterThan(0.1);
    await expect.poll(async () => Math.abs((await faint()) - below)).toBeLessThan(0.03);

    await page.getByRole('spinbutton', { name: 'Row', exact: true }).fill('30');
    await page.getByRole('spinbutton', { name: 'Column', exact: true }).fill('35');
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    await expect.poll(reading).toBe(entry(30, 35));
    // Enlarged, with the entry in the middle.
    await expect.poll(() => readingAt(0.5, 0.5)).toBe(entry(30, 35));
    expect(await readingAt(0.5 + 3 / size, 0.5)).not.toBe(entry(30, 38));
  });

  it.each(['light', 'dark'] as const)(
    'has no serious accessibility problem in any view, %s',
    async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      const found: string[] = [];
      for (const place of places) {
        await goTo(page, place);
        await page.waitForLoadState('networkidle');
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const { id, impact, nodes } of violations) {
          if (impact !== 'serious' && impact !== 'critical') continue;
          found.push(
            `${place}: ${id}: ${nodes
              .map((node) => node.target.join(' '))
              .slice(0, 4)
              .join(' | ')}`,
          );
        }
      }
      expect(found).toEqual([]);
    },
  );

  it('no view is larger than its window, and no figure shows its name under the pointer', async () => {
    for (const place of places) {
      await goTo(page, place);
      await page.waitForLoadState('networkidle');
      const over = await page.evaluate(() => {
        const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
        return [scrollWidth - clientWidth, scrollHeight - clientHeight];
      });
      expect(over, place).toEqual([0, 0]);
      expect(await page.locator('main svg > title').count(), place).toBe(0);
    }
  });

  it('left no error behind', () => {
    expect(takeComplaints()).toEqual([]);
  });
});

interface Numbers {
  rows: [panel: string, row: number, column: number, value: number][];
}
