/** Writes files that torch.load(weights_only=True) accepts. */
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { writeAtomically } from '../atomic.ts';
import { tensorBytes } from '../tensor.ts';
import { pickleTree } from './pickle-write.ts';
import type { WritableTree } from './tree.ts';
import { ZipWriter } from './zip-write.ts';

/**
 * Writes what torch.save writes: a zip of stored entries (`data.pkl` of protocol 2, `byteorder`, one entry per tensor,
 * aligned to 64 bytes, `version`), atomically and with one tensor in memory at a time. Every tensor becomes contiguous;
 * one object that occurs twice in the tree is stored once and shares its storage in PyTorch.
 */
export function writeTorchFile(path: string, tree: WritableTree): void {
  const { pickle, tensors } = pickleTree(tree);
  const prefix =
    basename(path, extname(path))
      .replaceAll(/[^\w.-]/g, '_')
      .replace(/^\.+/, '') || 'archive';
  writeAtomically(path, (file) => {
    const zip = new ZipWriter(file);
    const text = (name: string, content: string): void => zip.add(`${prefix}/${name}`, Buffer.from(content));
    zip.add(`${prefix}/data.pkl`, pickle);
    text('.format_version', '1');
    text('.storage_alignment', '64');
    text('byteorder', 'little');
    tensors.forEach((tensor, key) => zip.add(`${prefix}/data/${key}`, tensorBytes(tensor)));
    text('version', '3\n');
    text('.data/serialization_id', serializationId(pickle));
    zip.finish();
  });
}

/** 40 decimal digits, as PyTorch has it; a function of the content's structure, so equal files are equal bytes. */
function serializationId(pickle: Buffer): string {
  const digest = createHash('sha256').update(pickle).digest('hex');
  return BigInt(`0x${digest}`).toString().padStart(40, '0').slice(-40);
}
