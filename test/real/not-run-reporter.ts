/** Lists at the end of a run the suites whose real part is not on this machine, and why. */
import type { Reporter, TestModule } from 'vitest/node';
import './index.js';

export default class NotRunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].flatMap((test) => {
        const { notRun } = test.meta();
        return notRun === undefined
          ? []
          : [
              `  ${module.relativeModuleId} > ${test.parent.type === 'suite' ? test.parent.fullName : ''}: ${notRun}`,
            ];
      }),
    );
    if (lines.length === 0) return;
    console.log(`\nSuites that did not run (npm run test:all sets up what they need):`);
    for (const line of lines) console.log(line);
  }
}
