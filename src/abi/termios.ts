// <asm/termbits.h> <linux/termios.h>
// Terminals: the kernel's struct termios, of TCGETS and TCSETS (ioctl.ts), 36 bytes.
// glibc's struct termios (tcgetattr) is another, of 60 bytes with NCCS 32: never mix them.

// c_iflag
export const IGNBRK = 0o1;
export const BRKINT = 0o2;
export const IGNPAR = 0o4;
export const PARMRK = 0o10;
export const INPCK = 0o20;
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IXOFF = 0o10000;
export const IMAXBEL = 0o20000;
export const IUTF8 = 0o40000;

// c_oflag
export const OPOST = 0o1;
export const ONLCR = 0o4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;

// c_cflag
export const CSIZE = 0o60;
export const CS8 = 0o60;
export const CREAD = 0o200;
export const PARENB = 0o400;
export const HUPCL = 0o2000;
export const CLOCAL = 0o4000;
export const CBAUD = 0o10017;
export const B38400 = 0o17;

// c_lflag
export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;

// c_cc
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const NCCS = 19;

// tcflush
export const TCIFLUSH = 0;
export const TCOFLUSH = 1;
export const TCIOFLUSH = 2;

/** struct termios */
export const termios = {
  size: 36,
  c_iflag: 0, // u32
  c_oflag: 4, // u32
  c_cflag: 8, // u32
  c_lflag: 12, // u32
  c_line: 16, // u8
  c_cc: 17, // u8[19]
} as const;

/** struct winsize */
export const winsize = {
  size: 8,
  ws_row: 0, // u16
  ws_col: 2, // u16
  ws_xpixel: 4, // u16
  ws_ypixel: 6, // u16
} as const;
