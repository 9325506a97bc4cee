/** Asks the open view to show its choice of data. */
class DataChoiceRequest {
  /** Rises with every request. */
  asked = $state(0);

  open(): void {
    this.asked++;
  }
}

export const dataChoice = new DataChoiceRequest();
