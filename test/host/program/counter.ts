// How often the modules loaded on demand ran: they all share this one.

export const runs: string[] = [];
