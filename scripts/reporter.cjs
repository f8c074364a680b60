// mocha's readable report on standard output and its JSON report in a file, from one run.
const { reporters } = require("mocha");

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    new reporters.JSON(runner, { ...options, reporterOption: { output: process.env.TEST_REPORT } });
  }
};
