/** What is selected, across the whole window: the details panel and every action on "the selection" read it. */

class Selection {
  /** Ids of the selected runs, in the order in which they were chosen. */
  runIds = $state.raw<string[]>([]);
  groupId = $state<string | null>(null);

  selectRuns(runIds: string[]): void {
    this.runIds = runIds;
    this.groupId = null;
  }

  toggleRun(runId: string): void {
    this.selectRuns(
      this.runIds.includes(runId) ? this.runIds.filter((id) => id !== runId) : [...this.runIds, runId],
    );
  }

  selectGroup(groupId: string | null): void {
    this.groupId = groupId;
    this.runIds = [];
  }

  clear(): void {
    this.selectRuns([]);
  }
}

export const selection = new Selection();
