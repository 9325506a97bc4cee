/** Every change to the groups in one place: asks the engine, says what was done, offers to undo it. */
import type { Group, GroupEdit, Member } from '../../src-shared/api.ts';
import { plural } from '../format.ts';
import { commands } from '../state/commands.svelte.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices } from '../state/notices.svelte.ts';

/** Okabe-Ito, in the order of first use; every plot shows a group in its colour. */
export const groupColours = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#8c6d00',
  '#000000',
];

async function edit(change: GroupEdit, said: string): Promise<boolean> {
  const state = await engine.attempt('groups.edit', { edit: change });
  if (!state) return false;
  engine.groups = state;
  notices.info(said, { label: 'Undo', run: () => commands.run('undo') });
  return true;
}

const runsIn = (members: Member[]) => plural(members.length, 'run');

export function addToGroup(group: Group, members: Member[], index?: number): Promise<boolean> {
  const change: GroupEdit = { type: 'add-members', groupId: group.id, members };
  const inside = members.every(({ runId }) => group.members.some((member) => member.runId === runId));
  return edit(
    index === undefined ? change : { ...change, index },
    inside && index !== undefined
      ? `Moved ${runsIn(members)} within ${group.key}`
      : `Added ${runsIn(members)} to ${group.key}`,
  );
}

export function moveToGroup(
  fromGroupId: string,
  to: Group,
  members: Member[],
  index?: number,
): Promise<boolean> {
  if (fromGroupId === to.id) return addToGroup(to, members, index);
  const change: GroupEdit = {
    type: 'move-members',
    fromGroupId,
    toGroupId: to.id,
    runIds: members.map((member) => member.runId),
  };
  return edit(index === undefined ? change : { ...change, index }, `Moved ${runsIn(members)} to ${to.key}`);
}

export function removeFromGroup(group: Group, members: Member[]): Promise<boolean> {
  const runIds = members.map((member) => member.runId);
  return edit(
    { type: 'remove-members', groupId: group.id, runIds },
    `Removed ${runsIn(members)} from ${group.key}`,
  );
}

/** A new group for these members, named after what the first run is. */
export async function createGroup(members: Member[], key?: string): Promise<Group | undefined> {
  const run = members[0] && engine.runById.get(members[0].runId);
  const architecture = run?.architecture ?? 'mlp';
  const wanted = key ?? suggestedKey(run?.family ?? 'group', run?.sigmaF ?? null);
  const taken = new Set(
    engine.groups.groups.filter((g) => g.architecture === architecture).map((g) => g.key),
  );
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted} ${n}`;
  const used = new Set(engine.groups.groups.map((group) => group.colour));
  const colour = groupColours.find((candidate) => !used.has(candidate)) ?? groupColours[0]!;
  const done = await edit({ type: 'create', architecture, key: name, members, colour }, `New group ${name}`);
  return done
    ? engine.groups.groups.find((group) => group.key === name && group.architecture === architecture)
    : undefined;
}

function suggestedKey(family: string, sigmaF: number | null): string {
  return sigmaF === null ? family : `${family} σ=${sigmaF}`;
}

export function renameGroup(group: Group, key: string): Promise<boolean> {
  return edit({ type: 'rename', groupId: group.id, key }, `Renamed ${group.key} to ${key}`);
}

export function recolourGroup(group: Group, colour: string): Promise<boolean> {
  return edit({ type: 'recolour', groupId: group.id, colour }, `New colour for ${group.key}`);
}

export function annotateGroup(group: Group, notes: string): Promise<boolean> {
  return edit({ type: 'annotate', groupId: group.id, notes }, `Notes of ${group.key} saved`);
}

export function removeGroup(group: Group): Promise<boolean> {
  return edit(
    { type: 'remove', groupId: group.id },
    `Removed the group ${group.key}; its runs stay in the catalog`,
  );
}

export function moveGroup(group: Group, step: -1 | 1): Promise<boolean> {
  const ids = engine.groups.groups.map((candidate) => candidate.id);
  const from = ids.indexOf(group.id);
  const to = from + step;
  if (to < 0 || to >= ids.length) return Promise.resolve(false);
  [ids[from], ids[to]] = [ids[to]!, ids[from]!];
  return edit({ type: 'reorder-groups', groupIds: ids }, `Moved the group ${group.key}`);
}
