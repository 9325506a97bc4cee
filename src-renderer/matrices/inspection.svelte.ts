/** The two neurons looked at: asked for when the selection comes to rest, given up when it moves on. */
import type { ArgsOf } from '../../src-shared/api.ts';
import type { InspectedNeurons } from '../../src-shared/jobs/inspect-neurons.ts';
import { RemoteError } from '../../src-shared/rpc.ts';
import { engine } from '../state/engine.svelte.ts';
import type { NeuronPlace } from './place.ts';

/** Arrow keys move on faster than this. */
const restMs = 120;

export class Inspection {
  /** What was found last; it stays while the next is on its way. */
  found = $state.raw<InspectedNeurons | null>(null);
  error = $state.raw<unknown>(null);
  busy = $state(false);
  /** Tells windows apart. (`crypto.randomUUID` is not there where the app is served to another host without TLS.) */
  readonly #client = crypto.getRandomValues(new Uint32Array(4)).join('-');
  #wanted = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Asking for what is shown or under way changes nothing. */
  look(place: NeuronPlace, neurons: [number, number]): void {
    const params = { ...place.params, neurons };
    const wanted = JSON.stringify(params);
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.busy = true;
    this.error = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(wanted, { client: this.#client, params }), restMs);
  }

  /** Asks again after a failure. */
  again(place: NeuronPlace, neurons: [number, number]): void {
    this.#wanted = '';
    this.look(place, neurons);
  }

  close(): void {
    clearTimeout(this.#timer);
    // Not awaited: nobody waits for a result any more.
    if (this.busy) engine.call('neurons.stop', { client: this.#client }).catch(() => undefined);
    this.#wanted = '';
    this.found = null;
    this.error = null;
    this.busy = false;
  }

  async #ask(wanted: string, args: ArgsOf<'neurons.inspect'>): Promise<void> {
    try {
      const found = await engine.call('neurons.inspect', args);
      if (wanted !== this.#wanted) return;
      this.found = found;
      this.busy = false;
    } catch (error) {
      if (wanted !== this.#wanted) return;
      if (error instanceof RemoteError && error.kind === 'cancelled') return;
      this.error = error;
      this.found = null;
      this.busy = false;
    }
  }
}
