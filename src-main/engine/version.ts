import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from './options.ts';

let cached: string | undefined;

/** Basin's own version, from package.json. */
export function basinVersion(): string {
  cached ??= z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))).version;
  return cached;
}
