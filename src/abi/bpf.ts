// <linux/bpf.h>
// bpf(2) and eBPF instructions, as far as cgroup device programs need them.
// Each bpf_attr_* is one face of union bpf_attr and as long as its fields: pass its size, which the kernel fills up with zeros.

// commands
export const BPF_MAP_CREATE = 0;
export const BPF_MAP_LOOKUP_ELEM = 1;
export const BPF_MAP_UPDATE_ELEM = 2;
export const BPF_PROG_LOAD = 5;
export const BPF_OBJ_PIN = 6;
export const BPF_OBJ_GET = 7;
export const BPF_PROG_ATTACH = 8;
export const BPF_PROG_DETACH = 9;
export const BPF_PROG_TEST_RUN = 10;
export const BPF_PROG_GET_NEXT_ID = 11;
export const BPF_PROG_GET_FD_BY_ID = 13;
export const BPF_OBJ_GET_INFO_BY_FD = 15;
export const BPF_PROG_QUERY = 16;
export const BPF_LINK_CREATE = 28;
export const BPF_LINK_UPDATE = 29;
export const BPF_LINK_GET_FD_BY_ID = 30;
export const BPF_LINK_DETACH = 34;

// program and attach types
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
export const BPF_CGROUP_DEVICE = 6;

// attach flags
export const BPF_F_ALLOW_OVERRIDE = 0x1;
export const BPF_F_ALLOW_MULTI = 0x2;
export const BPF_F_REPLACE = 0x4;
export const BPF_F_QUERY_EFFECTIVE = 0x1;

// struct bpf_cgroup_dev_ctx: access_type is access << 16 | type
export const BPF_DEVCG_ACC_MKNOD = 0x1;
export const BPF_DEVCG_ACC_READ = 0x2;
export const BPF_DEVCG_ACC_WRITE = 0x4;
export const BPF_DEVCG_DEV_BLOCK = 0x1;
export const BPF_DEVCG_DEV_CHAR = 0x2;
export const BPF_OBJ_NAME_LEN = 16;

/** struct bpf_cgroup_dev_ctx */
export const bpf_cgroup_dev_ctx = {
  size: 12,
  access_type: 0, // u32
  major: 4, // u32
  minor: 8, // u32
} as const;

// instructions: class
export const BPF_LD = 0x0;
export const BPF_LDX = 0x1;
export const BPF_ST = 0x2;
export const BPF_STX = 0x3;
export const BPF_ALU = 0x4;
export const BPF_JMP = 0x5;
export const BPF_JMP32 = 0x6;
export const BPF_ALU64 = 0x7;

// size and mode
export const BPF_W = 0x0;
export const BPF_H = 0x8;
export const BPF_B = 0x10;
export const BPF_DW = 0x18;
export const BPF_IMM = 0x0;
export const BPF_ABS = 0x20;
export const BPF_MEM = 0x60;
export const BPF_ATOMIC = 0xc0;

// operations and source
export const BPF_ADD = 0x0;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_XOR = 0xa0;
export const BPF_MOV = 0xb0;
export const BPF_ARSH = 0xc0;
export const BPF_END = 0xd0;
export const BPF_K = 0x0;
export const BPF_X = 0x8;

// jumps
export const BPF_JA = 0x0;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;
export const BPF_JSGT = 0x60;
export const BPF_JSGE = 0x70;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;

// registers
export const BPF_REG_0 = 0;
export const BPF_REG_1 = 1;
export const BPF_REG_2 = 2;
export const BPF_REG_3 = 3;
export const BPF_REG_4 = 4;
export const BPF_REG_5 = 5;
export const BPF_REG_6 = 6;
export const BPF_REG_7 = 7;
export const BPF_REG_8 = 8;
export const BPF_REG_9 = 9;
export const BPF_REG_10 = 10;

/** struct bpf_insn: regs is src << 4, dst */
export const bpf_insn = {
  size: 8,
  code: 0, // u8
  regs: 1, // u8 -
  off: 2, // s16
  imm: 4, // s32
} as const;

/** union bpf_attr: BPF_PROG_LOAD */
export const bpf_attr_prog_load = {
  size: 72,
  prog_type: 0, // u32
  insn_cnt: 4, // u32
  insns: 8, // u64
  license: 16, // u64
  log_level: 24, // u32
  log_size: 28, // u32
  log_buf: 32, // u64
  kern_version: 40, // u32
  prog_flags: 44, // u32
  prog_name: 48, // char[16]
  prog_ifindex: 64, // u32
  expected_attach_type: 68, // u32
} as const;

/** union bpf_attr: BPF_PROG_ATTACH, BPF_PROG_DETACH */
export const bpf_attr_prog_attach = {
  size: 20,
  target_fd: 0, // u32
  attach_bpf_fd: 4, // u32
  attach_type: 8, // u32
  attach_flags: 12, // u32
  replace_bpf_fd: 16, // u32
} as const;

/** union bpf_attr: BPF_PROG_QUERY */
export const bpf_attr_prog_query = {
  size: 28,
  target_fd: 0, // u32 query.target_fd
  attach_type: 4, // u32 query.attach_type
  query_flags: 8, // u32 query.query_flags
  attach_flags: 12, // u32 query.attach_flags
  prog_ids: 16, // u64 query.prog_ids
  prog_cnt: 24, // u32 query.prog_cnt
} as const;

/** union bpf_attr: BPF_LINK_CREATE */
export const bpf_attr_link_create = {
  size: 16,
  prog_fd: 0, // u32 link_create.prog_fd
  target_fd: 4, // u32 link_create.target_fd
  attach_type: 8, // u32 link_create.attach_type
  flags: 12, // u32 link_create.flags
} as const;

/** union bpf_attr: BPF_PROG_GET_FD_BY_ID */
export const bpf_attr_get_id = {
  size: 12,
  prog_id: 0, // u32
  next_id: 4, // u32
  open_flags: 8, // u32
} as const;
