/** Members of a group put together: what a group gains if runs or checkpoints are added to it. */
import type { Member } from './api.ts';

/** A run once, with all that both say of it: the whole run, or the checkpoints of both. */
export function joinedMember(a: Member, b: Member): Member {
  if (!a.checkpointIds || !b.checkpointIds) return { runId: a.runId };
  return { runId: a.runId, checkpointIds: [...new Set([...a.checkpointIds, ...b.checkpointIds])] };
}

/** Whether `member` has all of `part`: the whole run, or each of its checkpoints. */
export function covers(member: Member, part: Member): boolean {
  if (member.runId !== part.runId || !member.checkpointIds) return member.runId === part.runId;
  const own = new Set(member.checkpointIds);
  return part.checkpointIds?.every((id) => own.has(id)) ?? false;
}

/** The added members that a group with these members does not have yet, or not all of. */
export function newAmong(members: readonly Member[], added: readonly Member[]): Member[] {
  return added.filter((part) => !members.some((member) => covers(member, part)));
}

/** "1 run", "2 checkpoints", "2 runs and 1 checkpoint". */
export function membersInWords(members: readonly Member[]): string {
  const runs = members.filter((member) => !member.checkpointIds).length;
  const checkpoints = members.reduce((sum, member) => sum + (member.checkpointIds?.length ?? 0), 0);
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const parts = [runs > 0 && counted(runs, 'run'), checkpoints > 0 && counted(checkpoints, 'checkpoint')];
  return parts.filter((part) => part !== false).join(' and ') || 'nothing';
}
