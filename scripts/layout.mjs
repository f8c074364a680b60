// Moves blocks of the engine's heap: what a container's life changes goes side by side to its end, where host.c makes anonymous memory of it at once. A
// page that is copied when it is first written to costs twice as much, and there would be four times as many.
//
// The heap was made at two places. A word that points into it, to the same place in both, is a pointer, and nothing else is; so blocks can be moved, and
// what points to them made to follow. Blocks are what host.c's `take` gave, and inside an arena what the engine's own records say (js_malloc of
// QuickJS 2025-09 and later). An engine without arenas has no small blocks to tell apart: then nothing is moved.
//
// [law] Nothing but a shape is found by its address: no Map of a module's top level has objects for keys.

const PAGE = 4096;
const STRUCT_BYTES = 72; // host.c's struct heap
const HOT_WORD = 8;
const FIRST_POINTER = 16;
const RUNTIME = 16;
const ENGINE = [
  ["runtime", RUNTIME],
  ["context", 24],
];
const WORD = 8;
const ARENA_HEADER = 40;
const LIST_BYTES = 16; // a list_head: next, previous; an arena begins with two
const BLOCK_HEADER = 8; // index in the arena, class of size, kind; reference count
const NO_INDEX = 0xffff;
const SIZES = [
  [16, 128, 8],
  [144, 256, 16],
  [288, 512, 32],
].flatMap(([from, to, by]) => Array.from({ length: (to - from) / by + 1 }, (_, i) => from + i * by));
const KIND = { code: 1, shape: 2, variable: 3 }; // JSGCObjectTypeEnum; 0: an object, or nothing that the engine collects
const OBJECT_BYTES = 72;
const CLASS = 26; // of an object
const NEXT_SHAPE = 40; // of a shape: the next of the same hash
const CODE_BYTES = 24; // of a function: where its code is, and how long
const CODE_LENGTH = 32;
const NAMESPACE_CLASS = 11;
const NAMED_BYTES = [40, 56]; // the properties of a function: length, name, perhaps prototype

const wordAt = (heap, at) => Number(heap.readBigUInt64LE(at));
const kindOf = (heap, { start }) => heap[start + 3] & 0x7f;
const alignUp = (at, by) => Math.ceil(at / by) * by;

/** All that was allocated: what lies on a page, and what lies behind a word with its size. */
function takenBlocks(heap) {
  const blocks = [];
  for (let at = STRUCT_BYTES; at < heap.length; at = blocks.at(-1).end) {
    const start = behindWord(at);
    const page = alignUp(at, PAGE);
    if ((at === page && wordAt(heap, page) !== 0) || wordAt(heap, start - WORD) === 0)
      blocks.push({ start: page, end: page + PAGE });
    else blocks.push({ start, end: start + wordAt(heap, start - WORD) });
  }
  return blocks;
}

/** The place of the next block that is none of a page. */
function behindWord(at) {
  const start = alignUp(at + WORD, 2 * WORD);
  return start % PAGE === 0 ? start + 2 * WORD : start;
}

/** The place of the next small block. What begins a page would count as one. */
const behindSmallWord = (at) => ((at + WORD) % PAGE === 0 ? at + 2 * WORD : at + WORD);

/** The blocks in use of the arena that a block is, or undefined when it is none. */
function insideOf(heap, { start }) {
  const size = SIZES[heap[start + 32]];
  const count = Math.floor((PAGE - ARENA_HEADER) / size);
  if (start % PAGE !== 0 || size === undefined || heap.readUInt16LE(start + 36) !== count) return undefined;
  const free = new Set();
  for (let i = heap.readUInt16LE(start + 38); i !== NO_INDEX; i = heap.readUInt16LE(start + ARENA_HEADER + i * size))
    free.add(i);
  const all = Array.from({ length: count }, (_, i) => ({
    start: start + ARENA_HEADER + i * size,
    end: start + ARENA_HEADER + (i + 1) * size,
  }));
  return all.filter((_, i) => !free.has(i));
}

/** Takes all arenas but `fresh` out of the engine's lists, of those that there are and of those that have room: each of these is the only one of its size. */
function leaveOnly(fresh, arenas, pointers) {
  const starts = new Set([...arenas.keys()].map(({ start }) => start));
  for (const { start } of fresh) {
    for (const link of [start, start + LIST_BYTES]) {
      let head = pointers.get(link);
      while (starts.has(head - (link - start))) head = pointers.get(head);
      for (const [at, to] of [
        [link, head],
        [link + WORD, head],
        [head, link],
        [head + WORD, link],
      ])
        pointers.set(at, to);
    }
  }
}

/** Of blocks sorted by where they begin, which do not overlap, the one that has `at` in it; or -1. */
function lastAround(blocks, at) {
  let [low, high] = [0, blocks.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (blocks[middle].start <= at) low = middle;
    else high = middle;
  }
  return at < blocks[low].end ? low : -1;
}

/** The text of a string, when the block looks like one. */
function textOf(heap, { start, end }) {
  const length = heap.readUInt32LE(start + BLOCK_HEADER);
  const from = start + BLOCK_HEADER + 12;
  const text =
    length > 0 && from + length < end && heap[from + length] === 0 ? heap.toString("latin1", from, from + length) : "";
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/**
 * Clears what is left between the end of each string, and of each function's code, and that of its block. It is of whatever had the block before, and where
 * that was a pointer the string's final NUL, or the last bytes of the code, have made another one of it, which may lead anywhere.
 */
function clearSlack(heap, base, blocks) {
  for (const block of blocks) {
    const end = kindOf(heap, block) === KIND.code ? endOfCode(heap, base, block) : endOfText(heap, block);
    if (end !== undefined) heap.fill(0, end, block.end);
  }
}

function endOfText(heap, block) {
  const text = kindOf(heap, block) === 0 ? textOf(heap, block) : undefined;
  return text === undefined ? undefined : block.start + BLOCK_HEADER + 12 + text.length;
}

/** Undefined where the code is not in the function's own block. */
function endOfCode(heap, base, { start, end }) {
  const from = Number(heap.readBigUInt64LE(start + BLOCK_HEADER + CODE_BYTES) - base);
  const to = from + heap.readInt32LE(start + BLOCK_HEADER + CODE_LENGTH);
  return from > start && to > from && to <= end ? to : undefined;
}

/**
 * What small blocks are called in hot.txt: "text" is a string, f the function of that name, f/ its code, f/0/ that of the first function in it, &f the variable that
 * holds it; &f.0 the first variable that it refers to, f.0 its value, f.0.1 a value in that. (72) 3 is the fourth
 * block of 72 bytes, from when the engine was booted; what it is depends on nothing of ours.
 * @param follow the block that the word at a place points to
 */
function namesOf(heap, blocks, follow) {
  const names = new Map();
  const bytes = (block) => block.end - block.start;
  /** @param skipped what the engine's collector links to its neighbours by, unless told */
  const pointees = ({ start, end }, skipped = BLOCK_HEADER + 2 * WORD) => {
    const found = [];
    for (let at = start + skipped; at < end; at += WORD) if (follow(at) !== undefined) found.push(follow(at));
    return found;
  };
  const nameCode = (code, name) => {
    if (names.has(code)) return;
    names.set(code, name);
    pointees(code)
      .filter((block) => kindOf(heap, block) === KIND.code)
      .forEach((inner, i) => nameCode(inner, `${name}${i}/`));
  };
  const nameFunction = (object) => {
    const properties = pointees(object).find(
      (block) =>
        NAMED_BYTES.includes(bytes(block)) &&
        kindOf(heap, block) === 0 &&
        follow(block.start + BLOCK_HEADER + 16) !== undefined,
    );
    const name = properties && textOf(heap, follow(properties.start + BLOCK_HEADER + 16));
    if (name === undefined) return;
    names.set(object, name);
    for (const block of pointees(object)) if (kindOf(heap, block) === KIND.code) nameCode(block, `${name}/`);
  };
  const nameValue = (value, name) => {
    if (names.has(value)) return;
    names.set(value, name);
    if (bytes(value) === OBJECT_BYTES)
      pointees(value)
        .flatMap((list) => pointees(list, BLOCK_HEADER))
        .filter((inner) => bytes(inner) === OBJECT_BYTES)
        .forEach((inner, i) => nameValue(inner, `${name}.${i}`));
  };
  for (const block of blocks) {
    if (kindOf(heap, block) !== 0) continue;
    const text = textOf(heap, block);
    if (text !== undefined) names.set(block, JSON.stringify(text));
    else if (bytes(block) === OBJECT_BYTES) nameFunction(block);
  }
  const isVariable = (block) => kindOf(heap, block) === KIND.variable;
  for (const block of blocks.filter(isVariable)) {
    const held = pointees(block, 3 * WORD).find((value) => names.has(value));
    if (held !== undefined) names.set(block, `&${names.get(held)}`);
  }
  for (const [block, name] of [...names].filter(([block]) => bytes(block) === OBJECT_BYTES)) {
    pointees(block)
      .flatMap((list) => pointees(list, BLOCK_HEADER).filter(isVariable))
      .forEach((variable, i) => {
        if (!names.has(variable)) names.set(variable, `&${name}.${i}`);
        for (const value of pointees(variable, 3 * WORD)) nameValue(value, `${name}.${i}`);
      });
  }
  const isNamespace = (block) =>
    bytes(block) === OBJECT_BYTES &&
    kindOf(heap, block) === 0 &&
    heap.readUInt16LE(block.start + CLASS) === NAMESPACE_CLASS;
  const counts = new Map();
  for (const block of blocks) {
    const count = counts.get(bytes(block)) ?? 0;
    counts.set(bytes(block), count + 1);
    if (names.has(block)) continue;
    if (isNamespace(block)) names.set(block, "(namespace)");
    else if (count < PAGE / bytes(block)) names.set(block, `(${bytes(block)}) ${count}`);
  }
  return names;
}

/** The engine's own: "runtime", "context", and what their words point to: "runtime.64". */
function nameTables(names, roots, follow) {
  for (const [name, root] of roots) {
    names.set(root, name);
    for (let at = root.start; at < root.end; at += WORD) {
      const block = follow(at);
      if (block !== undefined && !names.has(block)) names.set(block, `${name}.${at - root.start}`);
    }
  }
}

/**
 * @param made the heap, and the address that it was made at and is linked in at; `again`: made at another
 * @param isHot by name
 * @param spread for a profile: each small block is hot, and has a page of its own
 * @param kernelPage bytes of the largest page that a kernel of this machine may have: what is hot is mapped by itself
 * @returns the heap as it is linked in, where in it begins what is hot, and what small blocks lie there
 */
export function layOut(made, again, isHot, spread = false, kernelPage = PAGE) {
  const { heap, base } = made;
  const taken = takenBlocks(heap);
  const arenas = new Map(
    taken.map((block) => [block, insideOf(heap, block)]).filter(([, inside]) => inside !== undefined),
  );
  if (arenas.size === 0) return { heap, hot: heap.length, blocks: [] };
  const small = [...arenas.values()].flat();
  const others = taken.filter((block) => !arenas.has(block));
  const byStart = new Map([...small, ...others].map((block) => [block.start, block]));

  clearSlack(heap, base, [...small, ...others]);

  const isShape = (to) => kindOf(heap, byStart.get(to - BLOCK_HEADER) ?? { start: -4 }) === KIND.shape;
  // Which shapes share a hash comes of addresses, so the next of a shape and the table in which they begin differ. Any other word that leads to a shape in one
  // heap alone is left from what was in the block before, in bytes that nobody writes.
  const blockAt = (at) => byStart.get(at) ?? byStart.get(at - BLOCK_HEADER);
  const pointee = (at) => blockAt(Number(heap.readBigUInt64LE(at) - base));
  const runtime = pointee(RUNTIME);
  const tables = [];
  for (let at = runtime.start; at < runtime.end; at += WORD) tables.push(pointee(at));
  const isNextShape = (at) =>
    isShape(at - NEXT_SHAPE) || tables.some((table) => table !== undefined && at >= table.start && at < table.end);
  const pointers = new Map(); // where, and to where
  for (let at = FIRST_POINTER; at + WORD <= heap.length; at += WORD) {
    const to = Number(heap.readBigUInt64LE(at) - base);
    if (to < 0 || to >= heap.length) continue;
    const there = again.heap.readBigUInt64LE(at);
    if (Number(there - again.base) === to) pointers.set(at, to);
    else if (isShape(to) && (there === 0n || isShape(Number(there - again.base))) && isNextShape(at))
      pointers.set(at, to);
  }
  const reached = new Set([...pointers.values()].map((to) => alignUp(to - WORD + 1, WORD)));
  const isReached = ({ start, end }) => {
    for (let at = start; at < end; at += WORD) if (reached.has(at)) return true;
    return false;
  };
  const names = namesOf(heap, small, (at) => byStart.get((pointers.get(at) ?? 0) - BLOCK_HEADER));
  nameTables(
    names,
    ENGINE.map(([name, word]) => [name, blockAt(pointers.get(word))]),
    (at) => blockAt(pointers.get(at)),
  );

  // The new order: what is taken one by one, without what nothing points to any more; small blocks; what is hot of both; arenas for what is to come.
  const moves = [];
  let end = 0;
  const place = (block, to) => {
    moves.push({ ...block, to });
    end = to + block.end - block.start;
  };
  const fresh = taken.slice(-SIZES.length); // host.c's print_heap takes them last
  const loose = small.filter((block) => !fresh.some((arena) => block.start > arena.start && block.start < arena.end));
  const areLoose = new Set(loose);
  const next = (block) => (areLoose.has(block) ? behindSmallWord(end) : behindWord(end));
  const live = [...others.filter(isReached), ...loose];
  const hotOnes = live.filter((block) => spread || isHot(names.get(block)));
  const areHot = new Set(hotOnes);
  place({ start: 0, end: STRUCT_BYTES }, 0);
  for (const block of live) if (!areHot.has(block)) place(block, next(block));
  end = alignUp(end, kernelPage);
  const hot = end;
  const cold = moves.length;
  for (const block of hotOnes) {
    if (spread) end = alignUp(end, PAGE);
    place(block, next(block));
  }
  const hotBlocks = moves.slice(cold);
  for (const arena of fresh) place(arena, alignUp(end, PAGE));

  const moved = Buffer.alloc(end);
  for (const { start, end: from, to } of moves) {
    heap.copy(moved, to, start, from);
    if (to % PAGE !== 0) moved.writeBigUInt64LE(BigInt(from - start), to - WORD);
  }
  for (const { start, to } of moves) {
    if (!areLoose.has(byStart.get(start))) continue;
    moved.writeUInt16LE(NO_INDEX, to); // in no arena any more: `give` frees it
    moved[to + 2] = 0xff;
  }
  moves.sort((a, b) => a.start - b.start);
  leaveOnly(fresh, arenas, pointers);
  const pages = new Set([...arenas.keys()].map(({ start }) => start));
  for (const [at, to] of pointers) {
    const holder = moves[lastAround(moves, at)];
    if (holder === undefined) continue;
    const isOwn = to >= holder.start && to <= holder.end; // its end, too: where a function without constants has them
    const target = isOwn ? holder : moves[lastAround(moves, to)];
    if (target === undefined && pages.has(to - (to % PAGE))) {
      moved.writeBigUInt64LE(0n, holder.to + at - holder.start); // to a small block that was given back: nobody follows it
      continue;
    }
    if (target === undefined) throw new Error(`a pointer into the heap, at ${at}, leads nowhere: ${to}`);
    moved.writeBigUInt64LE(base + BigInt(target.to + to - target.start), holder.to + at - holder.start);
  }
  moved.writeBigUInt64LE(BigInt(end), 0);
  moved.writeBigUInt64LE(BigInt(spread || hotOnes.length === 0 ? 0 : hot), HOT_WORD);
  return {
    heap: moved,
    hot,
    blocks: hotBlocks.map(({ start, end: from, to }, i) => ({
      at: to,
      end: to + from - start,
      name: names.get(hotOnes[i]),
    })),
  };
}
