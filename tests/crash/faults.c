/*
 * Faults at the n-th change of a folder, for crash.py: preloaded into the real program (LD_PRELOAD).
 *
 *   PECAN_FAULT_BELOW  the folder, an absolute path: only changes of it and of what is below count
 *   PECAN_FAULT_AT     n, from 1; 0 or absent: none, only the journal
 *   PECAN_FAULT        KILL     the process dies before the n-th change
 *                      EIO      the n-th change fails
 *                      ENOSPC   the n-th change fails, if it needs room
 *                      FULL     from the n-th on every change that needs room fails (ENOSPC)
 *                      BROKEN   from the n-th on every change fails (EIO)
 *   PECAN_FAULT_LOG    a file outside the folder; one line per change: n, call, path, "hit" or "-"
 *
 * Changes are counted over all threads in the order in which they are made, so what other threads do (their bells, their
 * pipes) moves no number. What the C library does for itself, and system calls made past it, are not seen: crash.py
 * compares the journal of a clean run with what strace saw.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum room { FREES, NEEDS };

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static long count;

static int below(const char *path)
{
    const char *folder = getenv("PECAN_FAULT_BELOW");
    size_t length = folder ? strlen(folder) : 0;
    return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The absolute path of what a call works on; an open file is asked for by an empty path. */
static void resolve(int dir, const char *path, char *full)
{
    char link[64], base[PATH_MAX];
    full[0] = 0;
    if (path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
        return;
    }
    if (dir == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
    if (got < 0)
        return;
    base[got] = 0;
    snprintf(full, PATH_MAX, path[0] ? "%.2000s/%.2000s" : "%.2000s", base, path);
}

static void journal(const char *call, const char *path, int hit)
{
    const char *log = getenv("PECAN_FAULT_LOG");
    char line[PATH_MAX + 64];
    int fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (fd < 0)
        return;
    int length = snprintf(line, sizeof line, "%ld %s %s %s\n", count, call, path, hit ? "hit" : "-");
    if (syscall(SYS_write, fd, line, length) != length)
        abort();
    syscall(SYS_close, fd);
}

/* The error this change must fail with, or 0. Does not come back from a death. */
static int fault(int dir, const char *path, const char *call, enum room room)
{
    char full[PATH_MAX];
    int saved = errno, error = 0, dies = 0;
    resolve(dir, path, full);
    if (!below(full))
        return 0;
    pthread_mutex_lock(&order);
    count++;
    const char *kind = getenv("PECAN_FAULT"), *at = getenv("PECAN_FAULT_AT");
    long n = at ? atol(at) : 0;
    if (n && kind) {
        if (count == n && !strcmp(kind, "KILL"))
            dies = 1;
        else if ((count == n && !strcmp(kind, "EIO")) || (count >= n && !strcmp(kind, "BROKEN")))
            error = EIO;
        else if (room == NEEDS && ((count == n && !strcmp(kind, "ENOSPC")) || (count >= n && !strcmp(kind, "FULL"))))
            error = ENOSPC;
    }
    journal(call, full, error || dies);
    if (dies)
        kill(getpid(), SIGKILL);
    pthread_mutex_unlock(&order);
    errno = saved;
    return error;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OR_FAIL(dir, path, call, room)            \
    do {                                          \
        int error = fault(dir, path, call, room); \
        if (error) {                              \
            errno = error;                        \
            return -1;                            \
        }                                         \
    } while (0)

ssize_t write(int fd, const void *data, size_t size)
{
    OR_FAIL(fd, "", "write", NEEDS);
    return REAL(write)(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int many)
{
    OR_FAIL(fd, "", "writev", NEEDS);
    return REAL(writev)(fd, parts, many);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    OR_FAIL(fd, "", "pwrite64", NEEDS);
    return REAL(pwrite64)(fd, data, size, at);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags)
{
    OR_FAIL(to, "", "copy_file_range", NEEDS);
    return REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
}

int fsync(int fd)
{
    OR_FAIL(fd, "", "fsync", NEEDS);
    return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    OR_FAIL(fd, "", "fdatasync", NEEDS);
    return REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t size)
{
    OR_FAIL(fd, "", "ftruncate", NEEDS);
    return REAL(ftruncate64)(fd, size);
}

int flock(int fd, int operation)
{
    OR_FAIL(fd, "", "flock", FREES);
    return REAL(flock)(fd, operation);
}

int rename(const char *from, const char *to)
{
    OR_FAIL(AT_FDCWD, to, "rename", NEEDS);
    return REAL(rename)(from, to);
}

int renameat(int from_dir, const char *from, int dir, const char *to)
{
    OR_FAIL(dir, to, "renameat", NEEDS);
    return REAL(renameat)(from_dir, from, dir, to);
}

int renameat2(int from_dir, const char *from, int dir, const char *to, unsigned flags)
{
    OR_FAIL(dir, to, "renameat2", NEEDS);
    return REAL(renameat2)(from_dir, from, dir, to, flags);
}

int link(const char *from, const char *to)
{
    OR_FAIL(AT_FDCWD, to, "link", NEEDS);
    return REAL(link)(from, to);
}

int linkat(int from_dir, const char *from, int dir, const char *to, int flags)
{
    OR_FAIL(dir, to, "linkat", NEEDS);
    return REAL(linkat)(from_dir, from, dir, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    OR_FAIL(AT_FDCWD, path, "mkdir", NEEDS);
    return REAL(mkdir)(path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    OR_FAIL(dir, path, "mkdirat", NEEDS);
    return REAL(mkdirat)(dir, path, mode);
}

int unlink(const char *path)
{
    OR_FAIL(AT_FDCWD, path, "unlink", FREES);
    return REAL(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
    OR_FAIL(dir, path, "unlinkat", FREES);
    return REAL(unlinkat)(dir, path, flags);
}

int rmdir(const char *path)
{
    OR_FAIL(AT_FDCWD, path, "rmdir", FREES);
    return REAL(rmdir)(path);
}

/* Only an opening that may make a file is a change. */
static int open_it(int dir, const char *path, int flags, mode_t mode)
{
    if (flags & O_CREAT)
        OR_FAIL(dir, path, "open", NEEDS);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE_OF(flags, mode)                       \
    mode_t mode = 0;                               \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                              \
        va_start(more, flags);                     \
        mode = va_arg(more, mode_t);               \
        va_end(more);                              \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags, mode);
    return open_it(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, mode);
    return open_it(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags, mode);
    return open_it(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags, mode);
    return open_it(dir, path, flags | O_LARGEFILE, mode);
}
