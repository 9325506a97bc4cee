/** What "About Basin" says: versions, the engine, the back end in use. */
import { app } from 'electron';
import { z } from 'zod';
import { engineInfoSchema, jobSchema, type EngineInfo } from '../../src-shared/api.ts';
import type { OpenedEngine } from './engine.ts';
import { callOver } from './engine-link.ts';

type BackendInfo = NonNullable<EngineInfo['backend']>;

/** The first line is the headline. */
export async function aboutLines(opened: OpenedEngine | undefined): Promise<string[]> {
  const { electron = '?', chrome = '?', node } = process.versions;
  return [
    `Basin ${app.getVersion()}`,
    'A workbench for linear mode connectivity. MIT licence.',
    '',
    ...(opened ? await engineLines(opened) : ['No engine']),
    `Electron ${electron}, Chromium ${chrome}, Node ${node}`,
  ];
}

async function engineLines({ link, workspace }: OpenedEngine): Promise<string[]> {
  try {
    const info = engineInfoSchema.parse(await callOver(link, 'engine.info', {}));
    const backend = info.backend ?? (await lastBackend(link));
    return [
      `Engine ${info.version} on ${workspace ? link.where : `${info.host} (${link.where})`}, Node ${info.node}`,
      `Workspace ${info.workspace}`,
      backend ? `Back end ${described(backend)}` : 'Back end: chosen when the first job runs',
    ];
  } catch (error) {
    return [
      `Engine at ${link.where}: no response (${error instanceof Error ? error.message : String(error)})`,
    ];
  }
}

/** Workers start with the first job; until then, what the last one computed with. */
async function lastBackend(link: OpenedEngine['link']): Promise<BackendInfo | undefined> {
  const jobs = z.array(jobSchema).parse(await callOver(link, 'jobs.list', { done: 20 }));
  const latest = jobs
    .filter((job) => job.backend !== null)
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0))[0];
  return latest?.backend ?? undefined;
}

function described({ name, version, device, threads, reason, precision }: BackendInfo): string {
  const where = `${device.toUpperCase()}${precision ? ' with TF32' : ''}`;
  const what = `${name} ${version} (${where}, ${threads} ${threads === 1 ? 'thread' : 'threads'})`;
  return reason ? `${what}: ${reason}` : what;
}
