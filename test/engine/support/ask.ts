/** An engine in a process of its own that works on one question, to be killed: `node ask.ts WORKSPACE KIND PARAMS`. */
import { fileURLToPath } from 'node:url';
import { openEngine } from '../../../src-main/engine/index.ts';
import { testKinds } from './kinds.ts';

const [workspace, kind, params] = process.argv.slice(2) as [string, string, string];
const entry = fileURLToPath(new URL('worker.ts', import.meta.url));
const engine = await openEngine({ workspace, kinds: testKinds, worker: { entry } });
await engine.call('jobs.submit', { kind, params: JSON.parse(params) as unknown });
