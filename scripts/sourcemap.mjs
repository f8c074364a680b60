// Reads an esbuild source map into the little that a stack trace needs: for each generated line, the source file and line.
import { relative, resolve } from "node:path";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function vlq(text) {
  const values = [];
  let value = 0;
  let shift = 0;
  for (const c of text) {
    const digit = digits.indexOf(c);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    values.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return values;
}

/** @returns {{ files: string[], lines: [number, number][] }} lines[i] is [file index, line] of generated line i + 1 */
export function decodeMappings(map, dir, root) {
  const files = map.sources.map((source) => relative(root, resolve(dir, source)));
  const lines = [];
  let file = 0;
  let line = 0;
  for (const group of map.mappings.split(";")) {
    let first;
    for (const segment of group.split(",")) {
      if (!segment) continue;
      const [, fileDelta, lineDelta] = vlq(segment);
      if (fileDelta === undefined) continue;
      file += fileDelta;
      line += lineDelta;
      first ??= [file, line + 1];
    }
    lines.push(first ?? lines.at(-1) ?? [0, 0]);
  }
  return { files, lines };
}
