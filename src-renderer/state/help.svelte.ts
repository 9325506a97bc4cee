/** Which help is open. */
class Help {
  shortcuts = $state(false);
  glossary = $state(false);
  /** The term that the glossary shows first. */
  term = $state('');

  explain(term: string): void {
    this.term = term;
    this.glossary = true;
  }
}

export const help = new Help();
