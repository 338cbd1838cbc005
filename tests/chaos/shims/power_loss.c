/* Preloaded into redis-server: records how much of each file was on the disk when fsync or fdatasync returned, one line
 * "inode length" per call, appended to the file named by SYNCED_LOG. A power loss is then a kill -9 after which each file
 * is truncated to its last recorded length. Renames need no handling: an inode keeps its number. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*sync_call)(int);

static int synced_log = -1;
static sync_call real_fsync, real_fdatasync;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SYNCED_LOG");
  if (path) synced_log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  real_fsync = (sync_call)dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (sync_call)dlsym(RTLD_NEXT, "fdatasync");
}

/* The length is taken before the call: what is written while it goes on may or may not be on the disk. */
static int note(sync_call real, int file) {
  struct stat before;
  char line[64];
  int known = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
  int result = real(file);
  if (result == 0 && known && synced_log >= 0) {
    int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)before.st_ino, (long long)before.st_size);
    if (write(synced_log, line, (size_t)length) != length) abort();
  }
  return result;
}

int fsync(int file) { return note(real_fsync, file); }

int fdatasync(int file) { return note(real_fdatasync, file); }
