// passwd(5) as text. Whoever reads the file says whose it is: the host's, or a container's, which nobody may trust.

export type PasswdEntry = { readonly name: string; readonly home: string };

/** The first entry of `uid`, undefined when there is none. */
export function passwdEntry(text: string, uid: number): PasswdEntry | undefined {
  for (const line of text.split("\n")) {
    const [name = "", , id, , , home = ""] = line.split(":");
    if (id === String(uid)) return { name, home };
  }
  return undefined;
}
