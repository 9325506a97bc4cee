/** Prints the banned words in all texts for people; exits with 1 if there are any. Runs under Basin's Node. */
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { root } from '../paths.mjs';
import { checkWords } from './check.mjs';

const folders = ['docs', 'scripts', 'src-main', 'src-renderer', 'src-shared'];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true }).map(
    (name) => `${folder}/${name.split(sep).join('/')}`,
  ),
);
const found = checkWords(['README.md', 'CONTRIBUTING.md', ...files], root);
if (found.length > 0)
  process.stdout.write(`${found.join('\n')}\n${found.length} words that docs/glossary.md bans.\n`);
process.exitCode = found.length > 0 ? 1 : 0;
