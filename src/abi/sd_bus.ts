// <systemd/sd-bus.h>
// libsystemd's layouts, for calls by FFI.
// Types in messages are the letters of D-Bus signatures.

/** sd_bus_error */
export const sd_bus_error = {
  size: 24,
  name: 0, // ptr
  message: 8, // ptr
} as const;
