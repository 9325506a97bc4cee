/** A vitest reporter that writes how many tests passed, failed and were skipped to the file BASIN_TEST_COUNTS. */
import { writeFileSync } from 'node:fs';

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
    const fail = (name) => {
      counts.failed += 1;
      counts.failures.push(name);
    };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state === 'skipped') counts.skipped += 1;
        else {
          failedTests += 1;
          fail(
            `${module.relativeModuleId ?? module.moduleId}: ${test.fullName}${state === 'pending' ? ' (never ended)' : ''}`,
          );
        }
      }
      // A file that does not load, or whose hooks fail, has no failing test to show for it.
      if (failedTests === 0 && module.state() === 'failed')
        fail(`${module.relativeModuleId ?? module.moduleId}: the file itself failed`);
    }
    for (const error of unhandledErrors) fail(`unhandled: ${error.message ?? error}`);
    if (process.env.BASIN_TEST_COUNTS) writeFileSync(process.env.BASIN_TEST_COUNTS, JSON.stringify(counts));
  }
}
