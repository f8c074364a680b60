// Room in the engine's tables of names and of shapes, made at build time: a table that grows is written anew, and all that it holds, all over the heap.
// Made first of all, so that what is evaluated later lies where this was: made last, it left what a container's life changes strewn over 40 pages more.

/** As many as all modules have, so that a table which they nearly fill has grown; it doubles. */
const NAMES = 4500;
const SHAPES = 700;

/** What is made here is gone when it returns; the tables stay as large as they had to be. */
function makeRoom(): void {
  const names: { [name: string]: number } = {};
  for (let i = 0; i < NAMES; i++) names[`room ${i}`] = i;
  const objects: unknown[] = [];
  for (let i = 0; i < SHAPES; i++) objects.push({ [`room ${i}`]: i });
}

makeRoom();
