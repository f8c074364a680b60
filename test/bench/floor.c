/*
 * The floor of the benchmark: the system calls of `run` of the default bundle in straight C, without a config.json,
 * without a state directory, without any choice. No runtime can be faster than this on the same kernel by
 * more than the calls it finds a way around.
 *
 *   floor [--no-cgroup] ROOTFS ID PROGRAM [ARG...]
 *
 * With --no-cgroup no cgroup is made, joined, mounted or removed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define must(call, ...) \
  do { \
    if ((call) < 0) die(__VA_ARGS__); \
  } while (0)

static void die(const char *format, ...) {
  int error = errno;
  va_list arguments;
  va_start(arguments, format);
  fputs("floor: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, ": %s\n", strerror(error));
  _exit(1);
}

static char *path_of(const char *format, ...) {
  static char path[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(path, sizeof path, format, arguments);
  va_end(arguments);
  return path;
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  must(fd, "open %s", path);
  must(write(fd, text, strlen(text)), "write %s to %s", text, path);
  close(fd);
}

static void copy_file(const char *from, const char *to) {
  char text[1024];
  int fd = open(from, O_RDONLY | O_CLOEXEC);
  must(fd, "open %s", from);
  ssize_t length = read(fd, text, sizeof text - 1);
  must(length, "read %s", from);
  close(fd);
  text[length] = 0;
  write_file(to, text);
}

/* One group to make: its directory, and the name of its mount point in the container ("" is the one v2 hierarchy). */
struct cgroup {
  char parent[1024], directory[1200], name[128];
};

static struct cgroup groups[32];
static size_t group_count;
static int pure_v2;

/* /proc/self/cgroup tells the hierarchies and our own group in each; a v2 half beside v1 hierarchies is left out. */
static void find_hierarchies(const char *id) {
  static char text[8192];
  int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  must(fd, "open /proc/self/cgroup");
  ssize_t length = read(fd, text, sizeof text - 1);
  must(length, "read /proc/self/cgroup");
  close(fd);
  text[length] = 0;
  pure_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  for (char *line = strtok(text, "\n"); line && group_count < LENGTH(groups); line = strtok(NULL, "\n")) {
    char *name = strchr(line, ':') + 1, *own = strchr(name, ':');
    *own++ = 0;
    if ((*name == 0) != pure_v2) continue;
    if (strncmp(name, "name=", 5) == 0) name += 5;
    if (strcmp(own, "/") == 0) own = "";
    struct cgroup *group = &groups[group_count++];
    snprintf(group->name, sizeof group->name, "%s", name);
    snprintf(group->parent, sizeof group->parent, "/sys/fs/cgroup%s%s%s", *name ? "/" : "", name, own);
    snprintf(group->directory, sizeof group->directory, "/sys/fs/cgroup%s%s%s/%s", *name ? "/" : "", name, own, id);
  }
}

static void make_groups(void) {
  for (size_t i = 0; i < group_count; i++) {
    struct cgroup *group = &groups[i];
    must(mkdir(group->directory, 0755), "mkdir %s", group->directory);
    if (strstr(group->name, "cpuset")) {
      static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
      for (size_t f = 0; f < LENGTH(files); f++) {
        char from[2048];
        snprintf(from, sizeof from, "%s/%s", group->parent, files[f]);
        copy_file(from, path_of("%s/%s", group->directory, files[f]));
      }
    }
    if (strcmp(group->name, "devices") == 0) {
      static const char *const allowed[] = {"c *:* m",   "b *:* m",   "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",   "c 1:8 rwm",
                                            "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:200 rwm"};
      write_file(path_of("%s/devices.deny", group->directory), "a");
      int fd = open(path_of("%s/devices.allow", group->directory), O_WRONLY | O_CLOEXEC);
      must(fd, "open devices.allow");
      for (size_t a = 0; a < LENGTH(allowed); a++) must(write(fd, allowed[a], strlen(allowed[a])), "allow %s", allowed[a]);
      close(fd);
    }
  }
}

static void join_groups(void) {
  for (size_t i = 0; i < group_count; i++) write_file(path_of("%s/cgroup.procs", groups[i].directory), "0");
}

/* A group is busy until its last process has been reaped everywhere. */
static void remove_groups(void) {
  for (size_t i = 0; i < group_count; i++) {
    int tries = 0;
    while (rmdir(groups[i].directory) < 0) {
      if (errno != EBUSY || ++tries > 1000) die("rmdir %s", groups[i].directory);
      usleep(1000);
    }
  }
}

static void mount_groups(void) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
  if (pure_v2) {
    must(mount("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL), "mount cgroup2");
    return;
  }
  must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", flags & ~MS_RELATIME, "mode=755"), "mount tmpfs on sys/fs/cgroup");
  for (size_t i = 0; i < group_count; i++) {
    char *target = path_of("sys/fs/cgroup/%s", groups[i].name);
    must(mkdir(target, 0755), "mkdir %s", target);
    must(mount(groups[i].directory, target, NULL, MS_BIND, NULL), "bind %s", target);
    must(mount(NULL, target, NULL, flags | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "remount %s", target);
  }
  must(mount(NULL, "sys/fs/cgroup", NULL, flags | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "remount sys/fs/cgroup");
}

static const struct {
  const char *source, *target, *type;
  unsigned long flags;
  const char *data;
} mounts[] = {
    {"proc", "proc", "proc", 0, NULL},
    {"tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"},
    {"devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k"},
    {"mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
    {"sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
};

static const struct {
  const char *path;
  unsigned major, minor;
} devices[] = {
    {"dev/null", 1, 3}, {"dev/zero", 1, 5},   {"dev/full", 1, 7},
    {"dev/tty", 5, 0},  {"dev/random", 1, 8}, {"dev/urandom", 1, 9},
};

static const char *const links[][2] = {
    {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
    {"/proc/self/fd/2", "dev/stderr"}, {"/proc/kcore", "dev/core"},      {"pts/ptmx", "dev/ptmx"},
};

static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static const char *const masked_paths[] = {
    "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};

static const int kept_capabilities[] = {CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE};

static void build_rootfs(const char *rootfs) {
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
  must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind %s", rootfs);
  must(chdir(rootfs), "chdir %s", rootfs);
  for (size_t i = 0; i < LENGTH(mounts); i++) {
    if (mkdir(mounts[i].target, 0755) < 0 && errno != EEXIST) die("mkdir %s", mounts[i].target);
    must(mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data), "mount %s",
         mounts[i].target);
  }
  if (group_count > 0) mount_groups();
  mode_t mask = umask(0);
  for (size_t i = 0; i < LENGTH(devices); i++)
    must(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)), "mknod %s", devices[i].path);
  umask(mask);
  for (size_t i = 0; i < LENGTH(links); i++) must(symlink(links[i][0], links[i][1]), "symlink %s", links[i][1]);
  must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(umount2(".", MNT_DETACH), "unmount the old root");
  must(chdir("/"), "chdir /");
  must(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "make / read-only");
  for (size_t i = 0; i < LENGTH(readonly_paths); i++) {
    const char *path = readonly_paths[i];
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
      if (errno != ENOENT) die("bind %s", path);
      continue;
    }
    must(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "make %s read-only", path);
  }
  for (size_t i = 0; i < LENGTH(masked_paths); i++) {
    const char *path = masked_paths[i];
    if (mount("/dev/null", path, NULL, MS_BIND, NULL) == 0 || errno == ENOENT) continue;
    if (errno != ENOTDIR) die("mask %s", path);
    must(mount("tmpfs", path, "tmpfs", MS_RDONLY, NULL), "mask %s", path);
  }
}

static void bring_up_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(fd, "socket");
  must(ioctl(fd, SIOCSIFFLAGS, &request), "bring up lo");
  close(fd);
}

static void become_user(void) {
  struct rlimit files = {1024, 1024};
  must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  unsigned long long kept = 0;
  for (size_t i = 0; i < LENGTH(kept_capabilities); i++) kept |= 1ULL << kept_capabilities[i];
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
    if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
      die("drop capability %d", capability);
  must(setgroups(0, NULL), "setgroups");
  must(setresgid(0, 0, 0), "setresgid");
  must(setresuid(0, 0, 0), "setresuid");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{kept, kept, kept}, {kept >> 32, kept >> 32, kept >> 32}};
  must(syscall(SYS_capset, &header, data), "capset");
  for (size_t i = 0; i < LENGTH(kept_capabilities); i++)
    must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept_capabilities[i], 0, 0), "raise an ambient capability");
}

int main(int argc, char **argv) {
  int with_cgroup = 1;
  if (argc > 1 && strcmp(argv[1], "--no-cgroup") == 0) {
    with_cgroup = 0;
    argv++;
    argc--;
  }
  if (argc < 4) {
    fputs("usage: floor [--no-cgroup] ROOTFS ID PROGRAM [ARG...]\n", stderr);
    return 2;
  }
  const char *rootfs = argv[1], *id = argv[2];
  char **program = argv + 3;

  if (with_cgroup) {
    find_hierarchies(id);
    make_groups();
  }
  unsigned long flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET;
  pid_t child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  must(child, "clone");
  if (child == 0) {
    static char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};
    join_groups();
    if (with_cgroup && pure_v2) must(unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
    must(setsid(), "setsid");
    must(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, id), "join a session keyring");
    bring_up_loopback();
    build_rootfs(rootfs);
    must(sethostname("floor", 5), "sethostname");
    become_user();
    must(syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */), "close_range");
    execve(program[0], program, environment);
    die("execve %s", program[0]);
  }
  int status;
  must(waitpid(child, &status, 0), "waitpid");
  remove_groups();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
