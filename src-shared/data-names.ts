/** Names that a person may give to a data set of their own. */
import { parse } from 'yaml';

/** As a command line and a config file read them: a name that is a number, a truth value or nothing is no text there. */
function readsAsText(name: string): boolean {
  if (/^(null|true|false)$/i.test(name)) return false;
  if (/^\d[\d_]*\.?\d*(e[+-]?\d+)?$/i.test(name)) return false;
  return typeof parse(name) === 'string';
}

/** Letters, digits, dot, dash and underscore; it is a folder's name, too, and can be asked for as `dataset=NAME`. */
export const isAddedName = (name: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name) && readsAsText(name);

export const addedNameRule =
  'letters, digits, dots, dashes and underscores were expected, not a number, "true", "false" or "null": a config does not take these for names';
