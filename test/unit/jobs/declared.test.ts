/** What every kind of job says of itself: nothing about a kind stands anywhere else, so nothing may be missing here. */
import { describe, expect, it } from 'vitest';
import { tabHeadings, type TabbedView } from '../../../src-shared/jobs/define.ts';
import { jobKinds, kindsUnder, type AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { paramSchema, type ParamSchema } from '../../../src-shared/jobs/schema.ts';
import { presenters } from '../../../src-shared/presentations/index.ts';

const kinds = Object.values<AnyJobKind>(jobKinds);

/** Params as forms and flags see them: those of plain objects too, by their dotted names. */
function paramsOf(schema: ParamSchema, prefix = ''): [name: string, param: ParamSchema, required: boolean][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, param]) => [
    [`${prefix}${name}`, param, schema.required?.includes(name) ?? false] as [string, ParamSchema, boolean],
    ...paramsOf(param, `${prefix}${name}.`),
  ]);
}

const words = ['label', 'advanced', 'path', 'withoutEffect'];
const ofJsonSchema = [
  ...['type', 'description', 'default', 'enum', 'const', 'items', 'prefixItems', 'anyOf', 'oneOf', 'allOf'],
  ...['properties', 'required', 'additionalProperties', 'propertyNames', 'pattern', 'format'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems'],
];

describe.each(kinds)('$kind', ({ kind, title, summary, params, place }) => {
  const all = paramsOf(paramSchema(params));

  it('has a title, a summary, and a label for every param', () => {
    expect(title).toMatch(/^[A-Z]/);
    expect(summary).toMatch(/^[A-Z].*\.$/s);
    for (const [name, { label }] of all) {
      expect(label, `${kind}: ${name} has no label: .meta({ label: '…' })`).toMatch(/^[\p{Lu}σ]\S*( \S+)*$/u);
      // Made of its name, rather than for people to read.
      expect(label, `${kind}: ${name}`).not.toMatch(/_(?!F$)|^[a-z]+[A-Z]/);
    }
  });

  it('tells labels apart', () => {
    const labels = all.flatMap(([, { label, withoutEffect }]) => (withoutEffect ? [] : [label]));
    expect(labels).toEqual([...new Set(labels)]);
  });

  it('keeps nothing back that has to be given', () => {
    const kept = all.filter(([, { advanced }, required]) => advanced && required).map(([name]) => name);
    expect(kept).toEqual([]);
  });

  it('says nothing of params that nobody reads', () => {
    for (const [name, param] of all)
      expect(
        Object.keys(param).filter((key) => ![...words, ...ofJsonSchema].includes(key)),
        name,
      ).toEqual([]);
  });

  it('can be presented where it is a tab', () => {
    if (place !== null && 'heading' in place)
      expect(presenters[kind as keyof typeof presenters]).not.toBeNull();
  });
});

it('every tab stands under one heading of its view', () => {
  const drawn = (Object.keys(tabHeadings) as TabbedView[]).flatMap((view) =>
    tabHeadings[view].flatMap((heading) => kindsUnder(view, heading)),
  );
  const tabs = kinds.flatMap(({ kind, place }) => (place !== null && 'heading' in place ? [kind] : []));
  expect(drawn.toSorted()).toEqual(tabs.toSorted());
});

it('paths are marked as such', () => {
  const paths = (kind: AnyJobKind) =>
    paramsOf(paramSchema(kind.params)).flatMap(([name, { path }]) => (path ? [name] : []));
  expect(paths(jobKinds.interpolate)).toEqual(['run', 'checkpoints', 'data.dataDir', 'data.splitFile']);
  expect(paths(jobKinds.adopt)).toEqual(['paths', 'directory', 'architecture', 'network']);
  // Names that mean a path wherever they occur.
  const names = ['run', 'runs', 'checkpoints', 'paths', 'directory', 'dataDir', 'splitFile', 'architecture'];
  for (const kind of kinds)
    for (const [name, { path }] of paramsOf(paramSchema(kind.params)))
      if (names.includes(name.split('.').at(-1)!)) expect(path, `${kind.kind}: ${name}`).toBe(true);
});
