// <sys/types.h> <linux/sockios.h> <linux/fs.h> <asm/ioctls.h>
// ioctl(2) requests: terminals, network interfaces, file systems.
// The structs are with their headers: termios.ts, if.ts; namespaces: nsfs.ts.

// terminals
export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TCSETSW = 0x5403;
export const TCSETSF = 0x5404;
export const TCFLSH = 0x540b;
export const TIOCSCTTY = 0x540e;
export const TIOCNOTTY = 0x5422;
export const TIOCGPGRP = 0x540f;
export const TIOCSPGRP = 0x5410;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCGSID = 0x5429;
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;
export const TIOCGPTLCK = 0x80045439;
export const TIOCGPTPEER = 0x5441;
export const TIOCSTI = 0x5412;
export const TIOCCONS = 0x541d;
export const TIOCINQ = 0x541b;
export const TIOCOUTQ = 0x5411;
export const FIONREAD = 0x541b;
export const FIONBIO = 0x5421;
export const FIOCLEX = 0x5451;
export const FIONCLEX = 0x5450;

// interfaces
export const SIOCGIFNAME = 0x8910;
export const SIOCGIFINDEX = 0x8933;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFADDR = 0x8915;
export const SIOCSIFADDR = 0x8916;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const SIOCSIFNAME = 0x8923;
export const SIOCGIFHWADDR = 0x8927;

// file systems
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;
export const FICLONE = 0x40049409;
export const FIFREEZE = 0xc0045877;
export const FITHAW = 0xc0045878;
export const BLKGETSIZE64 = 0x80081272;
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;
