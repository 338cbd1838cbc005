/* Preloaded into redis-server: shifts the wall clock by the number of seconds in the file named by CLOCK_OFFSET. The
 * monotonic clock is left alone, as on a computer whose clock is set. (libfaketime does the same for most programs, but
 * redis-server asks for the time through its allocator, before that library is ready, and crashes.)
 *
 * If CLOCK_HELD names a file, the wall clock stands still, at the milliseconds in its first eight bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Read each time: a change takes effect at once. Plain system calls, for this may run before anything is set up. */
static long offset(void) {
  const char *path = getenv("CLOCK_OFFSET");
  char text[32];
  long file, length;
  if (!path || (file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)) < 0) return 0;
  length = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  text[length > 0 ? length : 0] = 0;
  return strtol(text, NULL, 10);
}

extern char **environ;

/* Mapped once, for it is asked dozens of times a command; nothing where the clock is not held. */
static volatile long *held(void) {
  static volatile long *milliseconds;
  static int looked;
  const char *path;
  long file, page;
  if (looked || !environ) return milliseconds;
  looked = 1;
  path = getenv("CLOCK_HELD");
  if (!path || (file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)) < 0) return 0;
  page = syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (page > 0) milliseconds = (volatile long *)page;
  return milliseconds;
}

int clock_gettime(clockid_t clock, struct timespec *into) {
  int kept = errno, result = (int)syscall(SYS_clock_gettime, clock, into);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    volatile long *at = held();
    if (at) {
      into->tv_sec = *at / 1000;
      into->tv_nsec = *at % 1000 * 1000000;
    } else {
      into->tv_sec += offset();
    }
  }
  if (result == 0) errno = kept;
  return result;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *into) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}
