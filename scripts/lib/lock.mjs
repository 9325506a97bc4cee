/** One setup at a time: a lock file that names its owner, and that a dead owner cannot hold. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { onEnd } from './process.mjs';

/** When a process started, in clock ticks since boot (Linux): tells a reused process id from its first owner. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(owner) {
  if (owner.host !== hostname()) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  return owner.start === startOf(owner.pid);
}

/** Creates the lock with its content in one step (a hard link), so that no reader sees it half-written. */
function tryLock(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, start: startOf(process.pid), host: hostname() }));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

function stealFromTheDead(path) {
  const owner = read(path);
  if (owner && isAlive(owner)) return owner;
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return undefined; // gone already
  }
  const taken = read(aside);
  if (taken && isAlive(taken)) {
    // A live process took the lock between our look and our rename: give it back.
    try {
      linkSync(aside, path);
    } catch {
      // and a third one has it by now; the first two wait for each other's work, which is written by rename.
    }
  }
  rmSync(aside, { force: true });
  return undefined;
}

/** Runs `work` while holding the lock file `path`, waiting for another holder; `say` is told once about the wait. */
export async function withLock(path, work, say = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!tryLock(path)) {
    const owner = stealFromTheDead(path);
    if (!owner) continue;
    if (!told) say(`Another setup is running (process ${owner.pid}); waiting for it.`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = onEnd(() => rmSync(path, { force: true }));
  try {
    return await work();
  } finally {
    release();
  }
}
