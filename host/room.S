/* Room for making a heap, where a program that has one has it. scripts/heap.mjs sees to it that it was enough. */
  .section .heap, "aw", %nobits
  .globl heap
  .balign 4096
heap:
  .zero 0x2000000
  .section .note.GNU-stack, "", %progbits
