/** Which run the dialog "Train longer" is open for, and whose form for forks is unfolded. */
class Continuing {
  open = $state(false);
  runId = $state<string | null>(null);
  /** The run whose details show the form for forks unfolded. */
  forking = $state<string | null>(null);

  longer(runId: string): void {
    this.runId = runId;
    this.open = true;
  }
}

export const continuing = new Continuing();
