// Room in the engine's tables of names and of shapes, made at build time: a table that grows is written anew, and all that it holds, all over the heap.

const NAMES = 700;

/** What is made here is gone when it returns; the tables stay as large as they had to be. */
function makeRoom(): void {
  const objects: unknown[] = [];
  for (let i = 0; i < NAMES; i++) objects.push({ [`room ${i}`]: i });
}

makeRoom();
