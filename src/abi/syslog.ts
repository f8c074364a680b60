// <syslog.h>
// Priorities of syslog(3).
// sd-journal(3) has the same.

export const LOG_ERR = 3;
export const LOG_WARNING = 4;
export const LOG_DEBUG = 7;
export const LOG_USER = 0x8;
