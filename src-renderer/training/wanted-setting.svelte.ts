/** The setting that the form for training shall put the cursor into, once it is there. */
class WantedSetting {
  /** Dotted. */
  path = $state<string | null>(null);
}

export const wantedSetting = new WantedSetting();
