/**
 * Chromium as a person has it: driven through its debugging port, with no more switched on than scripts and input
 * need. Playwright also records the network, and so copies every message that a WebSocket brings, as text, from the
 * page through the browser to itself: for a matrix of 34 MB that takes longer than all that the page does with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';

interface Reply {
  id?: number;
  method?: string;
  sessionId?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string };
}

interface Evaluated {
  result: { value?: unknown };
  exceptionDetails?: { text: string; exception?: { description?: string } };
}

const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--force-device-scale-factor=1',
];

/** What a page threw and nobody caught. */
export class PageError extends Error {}

export class BarePage {
  readonly #send: (method: string, params?: object) => Promise<unknown>;

  constructor(send: (method: string, params?: object) => Promise<unknown>) {
    this.#send = send;
  }

  /** Runs a function of its own (it sees nothing of its surroundings but its argument) in the page. */
  async evaluate<R, A = undefined>(work: (argument: A) => R | Promise<R>, argument?: A): Promise<R> {
    const response = (await this.#send('Runtime.evaluate', {
      expression: `(${work.toString()})(${JSON.stringify(argument) ?? ''})`,
      awaitPromise: true,
      returnByValue: true,
    })) as Evaluated;
    if (response.exceptionDetails) {
      const { exception, text } = response.exceptionDetails;
      throw new PageError(exception?.description ?? text);
    }
    return response.result.value as R;
  }

  /** Before each document's own scripts. */
  async beforeScripts(work: () => void): Promise<void> {
    await this.#send('Page.addScriptToEvaluateOnNewDocument', { source: `(${work.toString()})()` });
  }

  async goto(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
  }

  /** CPU time of the page's main thread, in ms since it began: all of it, scripts, style and layout. */
  async cpu(): Promise<Record<'all' | 'scripts' | 'layout', number>> {
    const { metrics } = (await this.#send('Performance.getMetrics')) as {
      metrics: { name: string; value: number }[];
    };
    const of = (name: string) => 1000 * (metrics.find((metric) => metric.name === name)?.value ?? 0);
    return {
      all: of('TaskDuration'),
      scripts: of('ScriptDuration'),
      layout: of('LayoutDuration') + of('RecalcStyleDuration'),
    };
  }

  /** Waits until the function is true of the page. */
  async until<A = undefined>(is: (argument: A) => unknown, argument?: A): Promise<void> {
    for (;;) {
      // A document that is just being replaced has nothing to say.
      if (await this.evaluate(is, argument).catch(() => false)) return;
      await wait(20);
    }
  }

  async type(text: string, delay: number): Promise<void> {
    for (const key of text) {
      await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', key, text: key });
      await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', key });
      await wait(delay);
    }
  }

  async moveTo(x: number, y: number): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  async wheel(x: number, y: number, deltaY: number): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseWheel', x, y, deltaX: 0, deltaY });
  }
}

export interface BareChromium {
  page: BarePage;
  close(): Promise<void>;
}

export async function startChromium(
  binary: string,
  size: { width: number; height: number },
): Promise<BareChromium> {
  const profile = mkdtempSync(join(tmpdir(), 'basin-chromium-'));
  const child = spawn(
    binary,
    [
      ...args,
      `--user-data-dir=${profile}`,
      `--window-size=${size.width},${size.height}`,
      '--remote-debugging-port=0',
      'about:blank',
    ],
    { stdio: 'ignore' },
  );
  const socket = new WebSocket(await endpointOf(child, profile), { perMessageDeflate: false });
  await once(socket, 'open');
  const call = caller(socket);
  const { targetInfos } = (await call('Target.getTargets')) as {
    targetInfos: { targetId: string; type: string }[];
  };
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!;
  const { sessionId } = (await call('Target.attachToTarget', { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params?: object) => call(method, params, sessionId);
  await send('Page.enable');
  await send('Runtime.enable');
  await send('Performance.enable', { timeDomain: 'threadTicks' });
  await send('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
  return {
    page: new BarePage(send),
    async close() {
      const gone = once(child, 'exit');
      await call('Browser.close').catch(() => undefined);
      await gone;
      socket.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Chromium writes its port and path into its profile. */
async function endpointOf(child: ChildProcess, profile: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`Chromium ended with ${child.exitCode}`);
    try {
      const [port, path] = readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n');
      if (port && path) return `ws://127.0.0.1:${port}${path}`;
    } catch {
      // Not yet.
    }
    await wait(50);
  }
  throw new Error('Chromium did not open its debugging port');
}

/** Calls and their responses; an exception that a page leaves uncaught ends the process. */
function caller(socket: WebSocket) {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  socket.on('message', (data: Buffer) => {
    const reply = JSON.parse(data.toString()) as Reply;
    if (reply.method === 'Runtime.exceptionThrown') throw new PageError(JSON.stringify(reply.params));
    const call = reply.id === undefined ? undefined : waiting.get(reply.id);
    if (!call || reply.id === undefined) return;
    waiting.delete(reply.id);
    if (reply.error) call.reject(new Error(reply.error.message));
    else call.resolve(reply.result);
  });
  return (method: string, params: object = {}, sessionId?: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    });
}
