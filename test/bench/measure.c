/*
 * The benchmark's launcher: runs the commands of a schedule one after the other and prints what each took.
 * It is small and static because the peak memory that the kernel reports of a program is never less than
 * that of the process that started it.
 *
 *   measure STDERR-FILE < schedule
 *
 * A line of the schedule is words separated by tabs; the first says what to do:
 *   time TAG PROGRAM [ARG...]    run; print "TAG <wall ns> <peak KiB>"; anything but exit status 0 ends the run
 *   time-as ID TAG PROGRAM ...   the same, as the user and group ID, who has nothing else
 *   do PROGRAM [ARG...]          run without measuring; it must succeed
 *   try PROGRAM [ARG...]         run without measuring; it may fail
 *   gone PID-FILE                wait until the process named in the file is dead
 *   remove FILE                  unlink it
 * Commands read and write a null device of their own, because crun and runc give the standard streams to the user of a user namespace, which
 * would be the host's /dev/null for ever; their stderr goes to STDERR-FILE and is shown when they fail.
 * Wall time is from before the fork until the command has been reaped. Peak memory is that of the largest
 * process of the command's tree.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int null_fd, stderr_fd;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

struct outcome {
  long long wall_ns;
  long peak_kb;
  int status;
};

static struct outcome run_as(unsigned id, char **argv) {
  extern char **environ;
  struct outcome outcome;
  struct rusage usage;
  if (ftruncate(stderr_fd, 0) < 0) die("ftruncate");
  long long start = now_ns();
  pid_t child = vfork();
  if (child < 0) die("vfork");
  if (child == 0) {
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(stderr_fd, 2);
    if (id && (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)) _exit(126);
    execve(argv[0], argv, environ);
    _exit(127);
  }
  while (wait4(child, &outcome.status, 0, &usage) < 0)
    if (errno != EINTR) die("wait4");
  outcome.wall_ns = now_ns() - start;
  outcome.peak_kb = usage.ru_maxrss;
  return outcome;
}

static struct outcome run(char **argv) {
  return run_as(0, argv);
}

static void explain(char **argv, int status) {
  char text[4096];
  fputs("measure: failed:", stderr);
  for (int i = 0; argv[i]; i++) fprintf(stderr, " %s", argv[i]);
  if (WIFEXITED(status))
    fprintf(stderr, "\n  exit status %d\n", WEXITSTATUS(status));
  else
    fprintf(stderr, "\n  killed by signal %d\n", WTERMSIG(status));
  ssize_t length = pread(stderr_fd, text, sizeof text, 0);
  if (length > 0) fwrite(text, 1, length, stderr);
  exit(1);
}

/* This process is the subreaper of all containers, so their inits are its children once their runtime has gone. */
static void wait_until_gone(const char *pid_file) {
  char text[32];
  int fd = open(pid_file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(pid_file);
  ssize_t length = read(fd, text, sizeof text - 1);
  if (length < 0) die(pid_file);
  close(fd);
  text[length] = 0;
  pid_t pid = atoi(text);
  int pidfd = syscall(SYS_pidfd_open, pid, 0);
  if (pidfd >= 0) {
    struct pollfd poll_fd = {pidfd, POLLIN, 0};
    if (poll(&poll_fd, 1, 10000) == 0) {
      fprintf(stderr, "measure: process %d did not die in 10 seconds\n", pid);
      exit(1);
    }
    close(pidfd);
  }
  waitpid(pid, NULL, 0);
}

int main(int argc, char **argv) {
  static char line[16384];
  if (argc != 2) {
    fputs("usage: measure STDERR-FILE < schedule\n", stderr);
    return 2;
  }
  snprintf(line, sizeof line, "%s.null", argv[1]);
  if (mknod(line, S_IFCHR | 0666, makedev(1, 3)) < 0) die(line);
  null_fd = open(line, O_RDWR | O_CLOEXEC);
  if (null_fd < 0 || fchmod(null_fd, 0666) < 0) die(line);
  stderr_fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (stderr_fd < 0) die(argv[1]);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) die("prctl");
  setvbuf(stdout, NULL, _IOLBF, 4096);
  while (fgets(line, sizeof line, stdin)) {
    char *words[256];
    int count = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *word = strtok(line, "\t"); word && count < 255; word = strtok(NULL, "\t")) words[count++] = word;
    words[count] = NULL;
    if (count < 2) continue;
    if (strcmp(words[0], "time") == 0) {
      struct outcome outcome = run(words + 2);
      if (outcome.status != 0) explain(words + 2, outcome.status);
      printf("%s %lld %ld\n", words[1], outcome.wall_ns, outcome.peak_kb);
    } else if (strcmp(words[0], "time-as") == 0 && count > 3) {
      struct outcome outcome = run_as(atoi(words[1]), words + 3);
      if (outcome.status != 0) explain(words + 3, outcome.status);
      printf("%s %lld %ld\n", words[2], outcome.wall_ns, outcome.peak_kb);
    } else if (strcmp(words[0], "do") == 0) {
      struct outcome outcome = run(words + 1);
      if (outcome.status != 0) explain(words + 1, outcome.status);
    } else if (strcmp(words[0], "try") == 0) {
      run(words + 1);
    } else if (strcmp(words[0], "gone") == 0) {
      wait_until_gone(words[1]);
    } else if (strcmp(words[0], "remove") == 0) {
      unlink(words[1]);
    } else {
      fprintf(stderr, "measure: unknown word: %s\n", words[0]);
      return 2;
    }
  }
  return 0;
}
