/** What runs inside the page to take times: installed before the app's own code, it changes nothing of it. */

/** Times in ms since the navigation began; null where it has not happened. */
export interface Marks {
  /** The WebSocket opened. */
  connected: number | null;
  /** First rows of the run table are in a frame. */
  rows: number | null;
  /** The message (over 1 kB) that was handed to the page last before `painted` or `curves`. */
  message: number | null;
  /** The frame that holds the first drawing on a large canvas of the page ended. */
  firstPainted: number | null;
  /** The same for the last drawing on any canvas. */
  painted: number | null;
  /** The frame after the first picture of over 150 curves ended. */
  curves: number | null;
}

export interface Frames {
  count: number;
  /** ms */
  longest: number;
  /** Frames per second over the whole time. */
  rate: number;
}

export interface Probe {
  marks: Marks;
  clear(): void;
  /** Whether the large canvas still shows, pixel by pixel, what its first frame showed. */
  asFirstPainted(): boolean;
  startFrames(): void;
  stopFrames(): Frames;
}

declare global {
  interface Window {
    probe: Probe;
  }
}

export function installProbe(): void {
  const marks: Marks = {
    connected: null,
    rows: null,
    message: null,
    firstPainted: null,
    painted: null,
    curves: null,
  };
  /** The next frame's start lies after this frame's style, layout and paint. */
  const afterFrame = (set: () => void): void => {
    requestAnimationFrame(() => requestAnimationFrame(set));
  };

  let lastMessage = 0;
  window.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(url);
      this.addEventListener('open', () => (marks.connected ??= performance.now()));
      this.addEventListener('message', (event: MessageEvent<ArrayBuffer>) => {
        if (event.data.byteLength > 1024) lastMessage = performance.now();
      });
    }
  };

  const largeWidth = 300;
  let large: HTMLCanvasElement | undefined;
  let first: ArrayLike<number> = [];
  const pixelsOf = (canvas: HTMLCanvasElement): ArrayLike<number> =>
    canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data;
  const keepFirst = (canvas: HTMLCanvasElement): void => {
    large = canvas;
    // Read after the time was taken, and before the next frame may draw again.
    afterFrame(() => (marks.firstPainted = performance.now()));
    requestAnimationFrame(() => (first = pixelsOf(canvas)));
  };

  const draw = CanvasRenderingContext2D.prototype.drawImage as (...args: unknown[]) => void;
  CanvasRenderingContext2D.prototype.drawImage = function (
    this: CanvasRenderingContext2D,
    ...args: unknown[]
  ) {
    draw.apply(this, args);
    if (!this.canvas.isConnected) return;
    marks.message ??= lastMessage;
    if (large === undefined && this.canvas.width >= largeWidth) keepFirst(this.canvas);
    afterFrame(() => (marks.painted = performance.now()));
  };

  let [rowsSeen, curvesSeen] = [false, false];
  new MutationObserver(() => {
    if (!rowsSeen && document.querySelector('[data-run]')) {
      rowsSeen = true;
      afterFrame(() => (marks.rows = performance.now()));
    }
    if (!curvesSeen && document.querySelectorAll('main .figure svg path').length > 150) {
      curvesSeen = true;
      marks.message ??= lastMessage;
      afterFrame(() => (marks.curves = performance.now()));
    }
  }).observe(document, { childList: true, subtree: true });

  let times: number[] = [];
  let running = false;
  const tick = (now: number): void => {
    if (!running) return;
    times.push(now);
    requestAnimationFrame(tick);
  };
  window.probe = {
    marks,
    clear() {
      marks.message = marks.firstPainted = marks.painted = marks.curves = null;
      large = undefined;
      curvesSeen = false;
    },
    asFirstPainted() {
      if (!large?.isConnected) return false;
      const now = pixelsOf(large);
      return now.length === first.length && Array.prototype.every.call(now, (value, i) => value === first[i]);
    },
    startFrames() {
      times = [];
      running = true;
      requestAnimationFrame(tick);
    },
    stopFrames() {
      running = false;
      const deltas = times.slice(1).map((time, i) => time - times[i]!);
      const whole = times.at(-1)! - times[0]!;
      return { count: deltas.length, longest: Math.max(...deltas), rate: (deltas.length / whole) * 1000 };
    },
  };
}
