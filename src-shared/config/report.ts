/** What an import says about a config that can be read only in part. */
import {
  declaredName,
  isGnn,
  isIncidental,
  isPlainObject,
  isResnet,
  readTolerantly,
  resolveData,
  resolveModel,
} from '../config.ts';
import type { ConfigProblem } from '../config.ts';
import { messageOf } from '../errors.ts';

export interface ConfigReport {
  /** Why nothing can be computed with the run: its network is not described, or a value of it cannot be read. */
  problem?: string;
  /** What does not stop the run: each a sentence, at most one per kind. */
  remarks: string[];
}

/** @param config as `readRunDirectory` gives it @param path the config file, for messages */
export function reportOn(config: Record<string, unknown>, path: string): ConfigReport {
  const { config: tolerant, problems } = readTolerantly(config, path);
  const told = problems.filter(({ key }) => !isIncidental(key));
  const model = told.filter(({ key }) => key.startsWith('model'));
  const remarks: string[] = [];
  const refusal =
    model.length === 0 && isOtherNetwork(config['model'])
      ? undefined
      : refusalOf(() => resolveModel(tolerant, path));
  const data = told.filter(({ key }) => key.startsWith('dataset'));
  const blocksData = data.length > 0 && refusalOf(() => resolveData(tolerant, path)) !== undefined;
  if (blocksData)
    remarks.push(`${path}: ${listed(data)}. Name the data with each analysis (--data, --data-dir).`);
  const rest = told.filter(
    (item) => !(refusal !== undefined && model.includes(item)) && !(blocksData && data.includes(item)),
  );
  if (rest.length > 0)
    remarks.push(`${path}: ${listed(rest)}. No analysis needs ${rest.length === 1 ? 'it' : 'them'}.`);
  return { ...(refusal !== undefined && { problem: refusal }), remarks };
}

/** A kind of network that Basin keeps in the catalog but does not compute: the catalog names it. */
function isOtherNetwork(model: unknown): boolean {
  if (!isPlainObject(model) || isResnet(model) || isGnn(model)) return false;
  const names = [model['name'], model['_target_']].filter((text) => typeof text === 'string');
  return names.length > 0 && !names.some((text) => text === declaredName || /mlp/i.test(text));
}

function refusalOf(
  work: () => ReturnType<typeof resolveModel> | ReturnType<typeof resolveData>,
): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The first in full, the others by their keys. */
function listed([first, ...others]: readonly ConfigProblem[]): string {
  if (others.length === 0) return first!.message;
  const keys = others.slice(0, 3).map(({ key }) => key);
  return `${first!.message}; also ${keys.join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''}`;
}
