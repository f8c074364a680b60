// What Go's encoding/json accepts and the spec does not say.

/**
 * Changed in place: a property that is null is one that is absent (a nil slice or pointer marshals as null), `pagesize` is `pageSize`
 * (Go ignores case; runc's own tests write it so), and an I/O class without a priority has priority 0.
 */
export function asGoReads(json: unknown): void {
  if (typeof json !== "object" || json === null) return;
  const object = json as { [key: string]: unknown };
  if (!Array.isArray(json) && "pagesize" in object && "limit" in object) object["pageSize"] ??= object["pagesize"];
  if (!Array.isArray(json) && typeof object["class"] === "string" && object["class"].startsWith("IOPRIO_CLASS_"))
    object["priority"] ??= 0;
  for (const [key, value] of Object.entries(object)) {
    if (value !== null) asGoReads(value);
    else if (!Array.isArray(json)) delete object[key];
  }
}
