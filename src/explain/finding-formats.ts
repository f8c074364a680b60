// Findings of `tsrun validate` in the forms that services for continuous integration read. Pure.

import type { Finding } from "../spec/examine.ts";

/** A finding, and the code that docs/errors.md explains. */
export type CodedFinding = Finding & { readonly code: string };

const message = ({ pointer, problem, hint }: Finding): string =>
  `${pointer === "" ? "" : `${pointer}: `}${problem}${hint === undefined ? "" : `; ${hint}`}`;

/** Workflow commands, one a line, by which GitHub Actions shows findings beside the lines of the file. */
export function githubAnnotations(findings: readonly CodedFinding[], file: string): string {
  const lines = findings.map((finding) => {
    const { level, code, line = 1, column = 1 } = finding;
    const properties = `file=${property(file)},line=${line},col=${column},title=${property(code)}`;
    return `::${level} ${properties}::${data(message(finding))}\n`;
  });
  return lines.join("");
}

/** [GitHub, workflow commands] A percent sign and line breaks end a message or begin an escape. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

/** [GitHub, workflow commands] A colon and a comma end the value of a property. */
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");

/** A log of the Static Analysis Results Interchange Format. @see SARIF 2.1.0, section 3 */
export function sarif(findings: readonly CodedFinding[], file: string, version: string): object {
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "tsrun",
            version,
            informationUri: "https://github.com/tsrun/tsrun",
            rules: codes.map((id) => ({ id })),
          },
        },
        results: findings.map((finding) => ({
          ruleId: finding.code,
          level: finding.level,
          message: { text: message(finding) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file },
                region: { startLine: finding.line ?? 1, startColumn: finding.column ?? 1 },
              },
              logicalLocations: [{ fullyQualifiedName: finding.pointer, kind: "member" }],
            },
          ],
        })),
      },
    ],
  };
}
