/**
 * What is being dragged. The browser's own drag and drop carries it (so a drag never snaps back: the drop asks the
 * engine, whose response is the new state); this holds the payload, which the browser hides until the drop.
 */
import type { Member } from '../../src-shared/api.ts';

export interface DragPayload {
  members: Member[];
  /** The group that the members come from; absent when they come from the table. */
  fromGroupId?: string;
  label: string;
}

class Drag {
  payload = $state.raw<DragPayload | null>(null);

  start(event: DragEvent, payload: DragPayload): void {
    if (!event.dataTransfer) return;
    this.payload = payload;
    event.dataTransfer.effectAllowed = 'copyMove';
    event.dataTransfer.setData('application/x-basin', payload.label);
    event.dataTransfer.setDragImage(dragImage(payload.label), 12, 14);
  }

  end(): void {
    this.payload = null;
  }
}

/** A small card that follows the pointer; the browser takes a picture of it at once, so it may go again. */
function dragImage(label: string): HTMLElement {
  const card = document.createElement('div');
  card.textContent = label;
  card.className = 'drag-image card';
  document.body.append(card);
  setTimeout(() => card.remove());
  return card;
}

export const drag = new Drag();
