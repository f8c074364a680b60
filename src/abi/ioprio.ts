// <linux/ioprio.h>
// ioprio_set(2): the value is class << IOPRIO_CLASS_SHIFT | level.
// Levels 0..7 for real-time and best-effort; none for idle.

export const IOPRIO_CLASS_SHIFT = 13;
export const IOPRIO_CLASS_NONE = 0;
export const IOPRIO_CLASS_RT = 1;
export const IOPRIO_CLASS_BE = 2;
export const IOPRIO_CLASS_IDLE = 3;
export const IOPRIO_NR_LEVELS = 8;

// whom
export const IOPRIO_WHO_PROCESS = 1;
export const IOPRIO_WHO_PGRP = 2;
export const IOPRIO_WHO_USER = 3;
