/** What each edit does to the groups: plain data in, plain data out, a label for undo back. */
import type { Group, GroupEdit, Member } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { groupColour } from '../../../src-shared/series-colours.ts';
import { covers, joinedMember, membersInWords } from '../../../src-shared/members.ts';

export interface GroupDraft {
  /** In their order. */
  groups: Group[];
  newId: () => string;
}

/** Changes `draft` and says what was done, as in "Undo rename of mlp_a". Throws UserError for what cannot be done. */
export function applyEdit(draft: GroupDraft, edit: GroupEdit): string {
  switch (edit.type) {
    case 'create': {
      create(draft, edit);
      return `new group ${edit.key}`;
    }
    case 'create-many': {
      for (const group of edit.groups) createOrExtend(draft, group);
      return edit.groups.length === 1
        ? `new group ${edit.groups[0]!.key}`
        : `${edit.groups.length} new groups`;
    }
    case 'remove': {
      const group = find(draft, edit.groupId);
      draft.groups = draft.groups.filter((candidate) => candidate !== group);
      return `removal of ${group.key}`;
    }
    case 'rename': {
      const group = find(draft, edit.groupId);
      assertFree(draft, group.architecture, edit.key, group);
      const label = `rename of ${group.key}`;
      group.key = edit.key;
      return label;
    }
    case 'recolour': {
      const group = find(draft, edit.groupId);
      group.colour = edit.colour;
      return `colour of ${group.key}`;
    }
    case 'annotate': {
      const group = find(draft, edit.groupId);
      group.notes = edit.notes;
      return `notes on ${group.key}`;
    }
    case 'add-members': {
      const group = find(draft, edit.groupId);
      group.members = placed(group.members, edit.members, edit.index);
      return `${membersInWords(edit.members)} into ${group.key}`;
    }
    case 'remove-members': {
      const group = find(draft, edit.groupId);
      take(group, edit.runIds);
      return `${runs(edit.runIds.length)} out of ${group.key}`;
    }
    case 'move-members': {
      const from = find(draft, edit.fromGroupId);
      const to = find(draft, edit.toGroupId);
      to.members = placed(to.members, take(from, edit.runIds, from !== to), edit.index);
      return `${runs(edit.runIds.length)} from ${from.key} to ${to.key}`;
    }
    case 'reorder-groups': {
      const wanted =
        new Set(edit.groupIds).size === edit.groupIds.length && edit.groupIds.length === draft.groups.length;
      if (!wanted) throw new UserError('reorder-groups: expected the id of every group, each once.');
      draft.groups = edit.groupIds.map((id) => find(draft, id));
      return 'order of the groups';
    }
  }
}

type NewGroup = Pick<Group, 'architecture' | 'key' | 'members'> & {
  colour?: string | undefined;
  notes?: string | undefined;
};

function create(draft: GroupDraft, { architecture, key, members, colour, notes }: NewGroup): void {
  assertFree(draft, architecture, key);
  const group = {
    id: draft.newId(),
    architecture,
    key,
    colour: colour ?? groupColour({ key, architecture }, draft.groups),
    notes: notes ?? '',
  };
  draft.groups.push({ ...group, members: placed([], members) });
}

/** Suggestions and dictionaries may name a group that is there: its members are added to, never replaced. */
function createOrExtend(draft: GroupDraft, group: NewGroup): void {
  const there = draft.groups.find((g) => g.architecture === group.architecture && g.key === group.key);
  if (!there) return create(draft, group);
  there.members = placed(there.members, group.members);
}

function find(draft: GroupDraft, id: string): Group {
  const group = draft.groups.find((candidate) => candidate.id === id);
  if (!group) throw new UserError(`There is no group "${id}".`, { hint: '`basin groups list` lists them.' });
  return group;
}

function assertFree(draft: GroupDraft, architecture: string, key: string, self?: Group): void {
  const taken = draft.groups.some((g) => g !== self && g.architecture === architecture && g.key === key);
  if (taken)
    throw new UserError(`A group "${key}" already exists for ${architecture}.`, {
      hint: 'Choose another key.',
    });
}

/**
 * `added` before position `index`; without one, what is there stays where it is and the rest goes to the end. A run
 * that is there is moved, not doubled: the position counts before it is taken out, as a person sees it on the screen.
 * A checkpoint never takes the place of its whole run, nor of other checkpoints: a member only grows.
 */
function placed(members: readonly Member[], added: readonly Member[], index?: number): Member[] {
  const unique = new Map<string, Member>();
  for (const member of added) {
    const twin = unique.get(member.runId);
    unique.set(member.runId, twin ? joinedMember(twin, member) : member);
  }
  const own = new Map(members.map((member) => [member.runId, member]));
  const joined = (member: Member): Member => {
    const other = unique.get(member.runId);
    return other && !covers(member, other) ? joinedMember(member, other) : member;
  };
  if (index === undefined)
    return [...members.map(joined), ...[...unique.values()].filter(({ runId }) => !own.has(runId))];
  // A part of what is there brings nothing, and moves nothing.
  const moving = [...unique.values()].filter((member) => {
    const there = own.get(member.runId);
    return !there || !covers(there, member) || covers(member, there);
  });
  const moved = new Set(moving.map(({ runId }) => runId));
  const at = Math.max(0, Math.min(index, members.length));
  const stay = (part: readonly Member[]): Member[] => part.filter(({ runId }) => !moved.has(runId));
  const put = moving.map((member) => joined(own.get(member.runId) ?? member));
  return [...stay(members.slice(0, at)), ...put, ...stay(members.slice(at))];
}

/** The members of these runs, in the order given; taken out of the group unless told otherwise. */
function take(group: Group, runIds: readonly string[], remove = true): Member[] {
  const taken = runIds.map((runId) => {
    const member = group.members.find((candidate) => candidate.runId === runId);
    if (!member) throw new UserError(`Run "${runId}" is not in the group ${group.key}.`);
    return member;
  });
  if (remove) group.members = group.members.filter((member) => !taken.includes(member));
  return taken;
}

const runs = (count: number): string => `${count} ${count === 1 ? 'run' : 'runs'}`;
