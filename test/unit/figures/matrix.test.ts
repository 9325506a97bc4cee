import { unzlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { chooseScale, levelOf, levels, palette } from '../../../src-shared/figures/colour.ts';
import { drawFigure, packMatrix } from '../../../src-shared/figures/index.ts';
import { crc32, fromBase64, indexedPng, toBase64 } from '../../../src-shared/figures/png.ts';

interface Image {
  x: number;
  y: number;
  width: number;
  height: number;
  pixel: (x: number, y: number) => string;
  columns: number;
  rows: number;
}

/** The matrices of a figure, in order; colour bars (2 pixels wide) left out. */
function images(svg: string): Image[] {
  return [
    ...svg.matchAll(
      /<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*base64,([^"]+)"/g,
    ),
  ]
    .map((m) => decode(m.slice(1, 5).map(Number), fromBase64(m[5]!)))
    .filter((image) => image.columns > 2);
}

function decode([x, y, width, height]: number[], png: Uint8Array): Image {
  const view = new DataView(png.buffer, png.byteOffset);
  const [columns, rows] = [view.getUint32(16), view.getUint32(20)];
  let colours = new Uint8Array();
  let data = new Uint8Array();
  for (let at = 8; at < png.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    const body = png.slice(at + 8, at + 8 + length);
    expect(view.getUint32(at + 8 + length)).toBe(crc32(png.subarray(at + 4, at + 8 + length)));
    if (type === 'PLTE') colours = body;
    if (type === 'IDAT') data = unzlibSync(body);
    at += 12 + length;
  }
  const pixels = new Uint8Array(columns * rows);
  for (let r = 0; r < rows; r++) {
    const filter = data[r * (columns + 1)]!;
    for (let c = 0; c < columns; c++) {
      const above = filter === 2 ? pixels[(r - 1) * columns + c]! : 0;
      pixels[r * columns + c] = data[r * (columns + 1) + 1 + c]! + above;
    }
  }
  const pixel = (c: number, r: number): string =>
    [...colours.subarray(pixels[r * columns + c]! * 3).subarray(0, 3)].join(',');
  return { x: x!, y: y!, width: width!, height: height!, pixel, columns, rows };
}

const draw = (data: object, options: object = {}) =>
  drawFigure({ kind: 'matrix', data: { valueLabel: 'cost', ...data }, options });
const viridis = palette('viridis', '#d9d9d9').map((c) => c.join(','));

describe('a matrix in a figure', () => {
  const matrix = [
    [0, 1, 2],
    [3, 4, 5],
  ];

  it('has row 0 on top and column 0 at the left, and its cells have the colours of the scale', () => {
    const figure = draw({ rows: [[{ matrix }]] });
    const [image] = images(figure.svg);
    const size = image!.columns / 3;
    expect(image!.rows / size).toBe(2);
    const level = levelOf(chooseScale([0, 5], { map: 'auto', transform: 'linear' }));
    for (const [i, row] of matrix.entries()) {
      for (const [j, value] of row.entries()) {
        for (const [dx, dy] of [
          [0, 0],
          [size - 1, size - 1],
        ] as const) {
          expect(image!.pixel(j * size + dx, i * size + dy)).toBe(viridis[level(value)]);
        }
      }
    }
    const [panel] = figure.panels;
    expect(panel!.y.from).toBeGreaterThan(panel!.y.to); // the axis runs down
    const label = (text: string) => figure.texts.find((t) => t.text === text && t.box.right < panel!.left)!;
    expect(label('0').box.top).toBeLessThan(label('1').box.top);
    expect([image!.x, image!.y]).toEqual([expect.closeTo(panel!.left, 2), expect.closeTo(panel!.top, 2)]);
  });

  it('keeps cells square', () => {
    const [image] = images(draw({ rows: [[{ matrix }]] }, { size: { width: 4, height: 4, unit: 'in' } }).svg);
    expect(image!.width / 3).toBeCloseTo(image!.height / 2, 2);
  });

  it('shares one colour scale along a row: equal values have equal colours', () => {
    const low = {
      matrix: [
        [1, 2],
        [2, 1],
      ],
    };
    const high = {
      matrix: [
        [2, 9],
        [9, 2],
      ],
    };
    const figure = draw({
      rows: [
        [low, high],
        [low, low],
      ],
    });
    const [a, b, c] = images(figure.svg);
    expect(a!.pixel(a!.columns - 1, 0)).toBe(b!.pixel(0, 0)); // 2 and 2
    expect(a!.pixel(a!.columns - 1, 0)).not.toBe(c!.pixel(c!.columns - 1, 0)); // 2, on the row of its own
    expect(figure.svg.match(/class="colour-bar"/g)).toHaveLength(2);
    const shared = draw({
      rows: [
        [low, high],
        [low, low],
      ],
      share: 'all',
    });
    const [d, , e] = images(shared.svg);
    expect(d!.pixel(0, 0)).toBe(e!.pixel(0, 0));
    expect(shared.svg.match(/class="colour-bar"/g)).toHaveLength(1);
  });

  it('continues a long row in the next line, under one colour bar', () => {
    const matrix = [
      [0, 1],
      [2, 3],
    ];
    const figure = draw({ rows: [Array.from({ length: 6 }, (_, k) => ({ title: `epoch ${k}`, matrix }))] });
    expect(figure.panels.map((p) => `${p.row},${p.column}`)).toEqual([
      '0,0',
      '0,1',
      '0,2',
      '1,0',
      '1,1',
      '1,2',
    ]);
    expect(figure.svg.match(/class="colour-bar"/g)).toHaveLength(1);
  });

  it('shows signed values on a diverging map with 0 in its middle', () => {
    const scale = chooseScale([-1, 4], { map: 'auto', transform: 'signed-sqrt' });
    expect(scale).toMatchObject({ map: 'diverging', domain: [-4, 4] });
    const level = levelOf(scale);
    expect(level(0)).toBe((levels - 1) / 2);
    expect(level(1) + level(-1)).toBeCloseTo(2 * level(0), -0.5); // one step of rounding
    expect(level(4) + level(-4)).toBe(2 * level(0));
    // The root of a quarter is a half.
    expect(level(1) - level(0)).toBeCloseTo((level(4) - level(0)) / 2, -0.5);
    const rounding = chooseScale([-1e-12, 4], { map: 'auto', transform: 'linear' });
    expect(rounding.map).toBe('viridis');
  });

  describe('in the colours of the published swap costs', () => {
    const fixed = palette('swap-costs', '#d9d9d9').map((c) => c.join(','));
    const at = (cost: number, transform: 'linear' | 'signed-sqrt' = 'signed-sqrt') =>
      fixed[levelOf({ map: 'swap-costs', transform, domain: [-1, 4] })(cost)]!.split(',').map(Number);
    const near = (rgb: number[]) => rgb.map((part) => expect.closeTo(part, -1.3) as number);

    it.each([
      [-400, [0xa2, 0xef, 0x09]], // beyond the first colour, at the root -10
      [-0.25, [0xfa, 0xfe, 0x04]], // the root of a quarter is a half
      [0.25, [0xbb, 0x00, 0x44]],
      [4, [0x8f, 0x37, 0x57]],
      [6.25, [0x65, 0x45, 0x71]], // root 2.5: halfway to the next colour
      [9, [0x3b, 0x52, 0x8b]],
      [625, [0x2b, 0x32, 0x60]],
      [2e6, [0x18, 0x24, 0x38]],
    ])('a cost of %d has its own', (cost, rgb) => {
      expect(at(cost)).toEqual(near(rgb));
    });

    it('no cost is orange, and a swap that saves next to nothing is not', () => {
      expect(at(0)).toEqual(near([0xff, 0x54, 0x00]));
      expect(at(-1e-9)[1]).toBeGreaterThan(0xc0);
      expect(at(0.5, 'linear')).toEqual(near([0xbb, 0x00, 0x44]));
    });

    it('whatever the range: it changes only the bar', () => {
      const rows = [
        [
          {
            matrix: [
              [0, 4],
              [9, -1],
            ],
          },
        ],
        [
          {
            matrix: [
              [0, 4],
              [90, 900],
            ],
          },
        ],
      ];
      const data = { rows, scale: 'signed-sqrt', colours: 'swap-costs' };
      const [figure, ranged] = [draw(data), draw({ ...data, range: [-1, 25] })];
      const [a, b] = images(figure.svg);
      for (const picture of [b!, ...images(ranged.svg)])
        expect(picture.pixel(picture.columns - 1, 0)).toBe(a!.pixel(a!.columns - 1, 0)); // 4 in all of them
      expect(ranged.svg).not.toBe(figure.svg);
      expect(figure.caption).toMatch(/Every value has the colour of the published figure/);
    });

    it('has the bar of the published figures: 0 and some of the other sign', () => {
      const [low, high] = chooseScale([1, 81], { map: 'swap-costs', transform: 'signed-sqrt' }).domain;
      expect([low, high]).toEqual([expect.closeTo(-4, 9), 81]); // roots -9 / 4.5 and 9
      expect(chooseScale([-100, 0], { map: 'swap-costs', transform: 'linear' }).domain).toEqual([-100, 20]);
    });

    it('refuses what it has no colours for', () => {
      expect(() => draw({ rows: [[{ matrix }]], scale: 'log', colours: 'swap-costs' })).toThrow(/colours/);
      expect(() => draw({ rows: [[{ matrix }]], colours: 'plasma' })).toThrow(/figure\.data\.colours/);
      expect(() => draw({ rows: [[{ matrix }]], range: [3, 1] })).toThrow(/range.*lower value first/);
      expect(() => draw({ rows: [[{ matrix }]], scale: 'log', range: [0, 1] })).toThrow(/range/);
    });
  });

  it('gives missing values a colour of their own', () => {
    const [image] = images(
      draw({
        rows: [
          [
            {
              matrix: [
                [null, 1],
                [1, 2],
              ],
            },
          ],
        ],
      }).svg,
    );
    expect(image!.pixel(0, 0)).toBe('217,217,217');
  });

  it('is one image however large, and text stays text', () => {
    const n = 300;
    const data = Float64Array.from({ length: n * n }, (_, k) => (k * 7919) % 101);
    const { svg } = draw({ rows: [[{ matrix: { rows: n, columns: n, data } }]] });
    expect(svg.match(/<image /g)).toHaveLength(2); // the matrix and the colour bar
    expect(svg).toMatch(/<text[^>]*>200<\/text>/);
  });

  it('draws the same from rows, from a typed matrix and packed', () => {
    const typed = { rows: 2, columns: 3, data: Float64Array.from(matrix.flat()) };
    const pictures = [matrix, typed, packMatrix(typed)].map((m) => draw({ rows: [[{ matrix: m }]] }).svg);
    expect(new Set(pictures).size).toBe(1);
  });

  it('names what is wrong with a matrix', () => {
    expect(() => draw({ rows: [[{ matrix: [[1, 2], [3]] }]] })).toThrow(/figure\.data\.rows\.0\.0\.matrix/);
    expect(() => draw({ rows: [[{ matrix: { rows: 2, columns: 2, float64: 'AAAA' } }]] })).toThrow(/matrix/);
  });
});

describe('png', () => {
  it('has the checksum of the standard', () => {
    expect(crc32(new TextEncoder().encode('IEND'))).toBe(0xae426082);
  });

  it('survives base 64', () => {
    for (let n = 0; n < 9; n++) {
      const bytes = Uint8Array.from({ length: n }, (_, i) => (i * 83 + 200) & 255);
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }
  });

  it('refuses a wrong number of pixels', () => {
    expect(() => indexedPng(2, 2, new Uint8Array(3), [[0, 0, 0]])).toThrow(RangeError);
  });
});
