/** How this command is called, for lines that tell people what to type next. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../engine/options.ts';

/** `npx basin` in a clone, where nothing is installed globally; `basin` in a packaged copy. */
export const self = existsSync(join(projectRoot, 'scripts', 'setup.mjs')) ? 'npx basin' : 'basin';
