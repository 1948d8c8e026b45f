/** Prints `N passed, N failed` from vitest's JSON report and the names of failed steps; fails when anything did. */
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly unknown[];
  }[];
}

const [file = '', ...failedSteps] = process.argv.slice(2);
const { passed, failed } = counts(file);
const testsFailed = failedSteps.includes('tests');
const otherSteps = failedSteps.filter((step) => step !== 'tests').length;
// A run can fail without a failed test: by an error outside any test, for one.
const allFailed = Math.max(failed, testsFailed ? 1 : 0) + otherSteps;
console.log(`${passed} passed, ${allFailed} failed`);
process.exitCode = allFailed === 0 && passed > 0 ? 0 : 1;

function counts(path: string): { passed: number; failed: number } {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
    const unloaded = report.testResults.filter(
      (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
    ).length;
    return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded };
  } catch {
    return { passed: 0, failed: 1 }; // no report: the run did not come to its end
  }
}
