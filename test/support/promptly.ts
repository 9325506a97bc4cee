/**
 * Milliseconds within which something that ends "at once" has ended even on a machine several times slower than a lab's,
 * with all its cores busy; what a test ends would go on for much longer. How fast it really is, benches say.
 */
export const promptly = 6_000;
