/** Takes back one step although others were done after it: only what it changed, and only if nothing builds on it. */
import type { Group, Member } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Change, UndoableStep } from './undo.ts';

/** A group with its place among the others: what one step of undo keeps. */
export type Kept = Group & { position: number };

/**
 * The groups, in their order, as they would be without that step.
 * @throws UserError saying what was done since that builds on it
 */
export function revert(groups: readonly Kept[], { label, changes, later }: UndoableStep<Kept>): Group[] {
  const refuse = (reason: string): never => {
    throw new UserError(`"${label}" can no longer be undone: ${reason}.`, {
      hint: 'Undo the later changes to that group first.',
    });
  };
  const result: Group[] = withOldOrder(groups, changes, refuse).map((group) => structuredClone(group));
  for (const { id, before, after } of changes) {
    const at = result.findIndex((group) => group.id === id);
    const group = result[at];
    const since = later.filter((change) => change.id === id);
    if (!after) {
      if (before) result.splice(before.position, 0, structuredClone(before));
    } else if (!group) refuse(`the group ${after.key} was removed since`);
    else if (before) revertGroup(group, { before, after, since }, refuse);
    else if (since.some(isOfContent) || contentOf(group) !== contentOf(after))
      refuse(`the group ${group.key} was changed since`);
    else result.splice(at, 1);
  }
  const names = result.map((group) => `${group.architecture}/${group.key}`);
  const twice = result.find((_, i) => names.indexOf(names[i]!) !== i);
  if (twice) refuse(`another group is named ${twice.key} now`);
  return result;
}

type Refuse = (reason: string) => never;

const contentOf = ({ key, colour, notes, members }: Group): string =>
  JSON.stringify([key, colour, notes, members.map(memberText)]);
const memberText = ({ runId, checkpointIds }: Member): string =>
  JSON.stringify([runId, checkpointIds ?? null]);

const isOfContent = ({ before, after }: Change<Kept>): boolean =>
  !before || !after || contentOf(before) !== contentOf(after);

interface GroupStep {
  before: Kept;
  after: Kept;
  /** Later changes of the same group. */
  since: readonly Change<Kept>[];
}

function revertGroup(group: Group, step: GroupStep, refuse: Refuse): void {
  const { before, after, since } = step;
  for (const field of ['key', 'colour', 'notes'] as const) {
    if (before[field] === after[field]) continue;
    const isOther = since.some((change) => change.before?.[field] !== change.after?.[field]);
    if (isOther || group[field] !== after[field]) refuse(`the group ${group.key} was changed since`);
    group[field] = before[field];
  }
  const members = revertMembers(group.members, step);
  group.members = members ?? refuse(`the members of ${group.key} were changed since`);
}

const text = (member: Member | undefined): string => (member ? memberText(member) : '');
const byRun = (members: readonly Member[] = []): Map<string, Member> =>
  new Map(members.map((member) => [member.runId, member]));

/** Runs that came, went or became another part of themselves. */
function changedRuns(before: ReadonlyMap<string, Member>, after: ReadonlyMap<string, Member>): string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((id) => text(before.get(id)) !== text(after.get(id)));
}

/** Undefined if a member that the step changed was changed since, or if it changed the order and others followed. */
function revertMembers(now: readonly Member[], step: GroupStep): Member[] | undefined {
  const [before, after] = [step.before.members, step.after.members];
  const texts = (members: readonly Member[]): string => members.map(memberText).join();
  if (texts(before) === texts(after)) return [...now];
  const [old, left, here] = [byRun(before), byRun(after), byRun(now)];
  const changed = changedRuns(old, left);
  const since = step.since.flatMap((change) =>
    changedRuns(byRun(change.before?.members), byRun(change.after?.members)),
  );
  if (changed.some((id) => since.includes(id) || text(here.get(id)) !== text(left.get(id)))) return undefined;
  if (texts(now) === texts(after)) return [...before];
  const common = (members: readonly Member[]): string =>
    members.flatMap(({ runId }) => (old.has(runId) && left.has(runId) ? runId : [])).join();
  if (common(before) !== common(after)) return undefined;
  const result = now.flatMap((member) => {
    if (!changed.includes(member.runId)) return member;
    return old.get(member.runId) ?? [];
  });
  for (const [place, member] of before.entries()) {
    if (left.has(member.runId)) continue;
    // Behind the nearest one that stood before it and is still there.
    const front = before.slice(0, place).map(({ runId }) => runId);
    const at = result.findLastIndex(({ runId }) => front.includes(runId));
    result.splice(at + 1, 0, member);
  }
  return result;
}

/** If the step changed the order of groups: the old order, in the places that those groups have now. */
function withOldOrder(groups: readonly Kept[], changes: readonly Change<Kept>[], refuse: Refuse): Kept[] {
  const moved = changes.flatMap(({ id, before, after }) =>
    before && after ? [{ id, before: before.position, after: after.position }] : [],
  );
  const wasOrder = moved.toSorted((a, b) => a.before - b.before).map(({ id }) => id);
  const newOrder = moved.toSorted((a, b) => a.after - b.after).map(({ id }) => id);
  if (wasOrder.join() === newOrder.join()) return [...groups];
  const those = groups.filter(({ id }) => newOrder.includes(id));
  if (those.map(({ id }) => id).join() !== newOrder.join())
    refuse('the order of the groups was changed since');
  const rest = wasOrder.map((id) => those.find((group) => group.id === id)!);
  return groups.map((group) => (newOrder.includes(group.id) ? rest.shift()! : group));
}
