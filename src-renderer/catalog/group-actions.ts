/** Every change to the groups in one place: asks the engine, says what was done, offers to undo it. */
import type { Group, GroupEdit, Member } from '../../src-shared/api.ts';
import { familyNames, type Family } from '../../src-shared/domain.ts';
import { membersInWords, newAmong } from '../../src-shared/members.ts';
import { plural } from '../format.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices, type Notice } from '../state/notices.svelte.ts';

async function edit(change: GroupEdit, said: string, unchanged = 'Nothing changed'): Promise<boolean> {
  const response = await engine.attempt('groups.edit', { edit: change });
  if (!response) return false;
  const { step, ...state } = response;
  engine.groups = state;
  if (step === null) notices.info(unchanged);
  else notices.info(said, undoing(step, said));
  return true;
}

/** The action of a message that says what a step did: it takes back that step, whatever was done since. */
export function undoing(step: number, said: string): NonNullable<Notice['action']> {
  return {
    label: 'Undo',
    run: () =>
      void engine.attempt('groups.undo', { step }).then((state) => {
        if (!state) return;
        engine.groups = state;
        notices.info(`Undone: ${said}`);
      }),
  };
}

const runsIn = (members: Member[]) => plural(members.length, 'run');

export function addToGroup(group: Group, members: Member[], index?: number): Promise<boolean> {
  const change: GroupEdit = { type: 'add-members', groupId: group.id, members };
  const fresh = newAmong(group.members, members);
  const inside = members.length - fresh.length;
  const also =
    inside > 0
      ? `; ${membersInWords(without(members, fresh))} ${inside === 1 ? 'was' : 'were'} already in it`
      : '';
  return edit(
    index === undefined ? change : { ...change, index },
    fresh.length === 0
      ? `Moved ${runsIn(members)} within ${group.key}`
      : `Added ${membersInWords(fresh)} to ${group.key}${also}`,
    alreadyIn(group, members),
  );
}

const without = (members: Member[], others: Member[]) => members.filter((member) => !others.includes(member));

/** Why adding these members changes nothing. */
function alreadyIn(group: Group, members: Member[]): string {
  const [first, ...more] = members;
  if (!first || more.length > 0) return `Nothing changed: ${group.key} already has all of these`;
  const name = engine.runById.get(first.runId)?.name ?? first.runId;
  const isWhole = group.members.some(({ runId, checkpointIds }) => runId === first.runId && !checkpointIds);
  if (!first.checkpointIds) return `Nothing changed: ${group.key} already has ${name}`;
  return `Nothing changed: ${group.key} already has ${isWhole ? `the whole run ${name}` : `this checkpoint of ${name}`}`;
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
  const isThere = newAmong(to.members, members).length === 0;
  const from = engine.groups.groups.find(({ id }) => id === fromGroupId)?.key ?? '';
  const said = isThere
    ? `Removed ${runsIn(members)} from ${from}; ${to.key} already has all of it`
    : `Moved ${runsIn(members)} to ${to.key}`;
  return edit(index === undefined ? change : { ...change, index }, said);
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
  const wanted = key ?? suggestedKey(run?.family ?? null, run?.sigmaF ?? null);
  const taken = new Set(
    engine.groups.groups.filter((g) => g.architecture === architecture).map((g) => g.key),
  );
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted} ${n}`;
  const done = await edit({ type: 'create', architecture, key: name, members }, `New group ${name}`);
  return done
    ? engine.groups.groups.find((group) => group.key === name && group.architecture === architecture)
    : undefined;
}

function suggestedKey(family: Family | null, sigmaF: number | null): string {
  const name = family === null ? 'group' : familyNames[family];
  return sigmaF === null ? name : `${name}, sigma_F ${sigmaF}`;
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
