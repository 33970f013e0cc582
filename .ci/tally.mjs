// Reads vitest's JSON report and prints the closing line of a CI run: "N passed, N failed".
import { readFileSync } from "node:fs";

const [file, status] = process.argv.slice(2);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(file, "utf8"));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  // A file that could not even be loaded has no test to count.
  for (const suite of report.testResults)
    if (suite.status === "failed" && suite.assertionResults.every((test) => test.status !== "failed")) failed += 1;
  // A test that did not run is not a pass.
  failed += report.numPendingTests + report.numTodoTests;
} catch (error) {
  console.error(`no test report: ${error.message}`);
}
// The runner ended with an error (an unhandled rejection, a crash) that no test counted.
if (Number(status) !== 0 && failed === 0) failed = 1;
if (passed === 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
