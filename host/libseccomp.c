/* What src/sys/libseccomp.ts calls. */
#include <seccomp.h>

#include "functions.h"

const struct function functions[] = {
    FUNCTION(seccomp_version), FUNCTION(seccomp_arch_native), FUNCTION(seccomp_arch_resolve_name),
    FUNCTION(seccomp_syscall_resolve_name), FUNCTION(seccomp_syscall_resolve_name_arch),
    FUNCTION(seccomp_init), FUNCTION(seccomp_release), FUNCTION(seccomp_arch_add), FUNCTION(seccomp_attr_set),
    FUNCTION(seccomp_rule_add_array), FUNCTION(seccomp_export_bpf), {0},
};
