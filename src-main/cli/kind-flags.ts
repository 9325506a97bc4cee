/** Flags of a kind of job on a command: `basin run KIND` has all of them. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { choicesText, parseFlag, setAt, valueHint } from './flags.ts';
import type { Flag } from './flags.ts';

/** Groups are named by their keys here; the params hold their runs' folders. */
const isGroups = ({ path }: Flag): boolean => path.length === 1 && path[0] === 'groups';

export function addFlag(command: Command, flag: Flag): void {
  const { node, name } = flag;
  const description = describe(flag);
  if (isGroups(flag)) {
    command.addOption(new Option(`--${name} <LIST|all>`, description).argParser((text) => [text]));
    return;
  }
  if (node.type === 'boolean') {
    command.addOption(new Option(`--${name}`, description).hideHelp(node.default === true));
    command.addOption(new Option(`--no-${name}`, `not: ${description}`).hideHelp(node.default !== true));
    return;
  }
  command.addOption(
    new Option(`--${name} <${valueHint(node)}>`, description).argParser((text) => parseFlag(flag, text)),
  );
}

/** Defaults are only shown: the schema itself fills them in, so that the same question always has the same params. */
function describe({ node, required }: Flag): string {
  const preset = node.default;
  const shown =
    preset === undefined || preset === null || (typeof preset === 'object' && !Array.isArray(preset));
  const parts = [
    node.description ?? '',
    choicesText(node),
    required ? '(required)' : '',
    shown || preset === false ? '' : `(default: ${String(preset)})`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** Lays the flags over `params`. Only what was really written counts. */
export function takeFlags(command: Command, flags: readonly Flag[], params: Record<string, unknown>): void {
  for (const flag of flags) {
    const attribute = flag.name.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
    if (command.getOptionValueSource(attribute) !== 'cli') continue;
    setAt(params, flag.path, command.getOptionValue(attribute));
  }
}
