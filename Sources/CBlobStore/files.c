#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

ssize_t brume_copy_range(int source, int64_t offset, int target, int64_t position, size_t count) {
#ifdef __linux__
    loff_t from = offset, to = position;
    return copy_file_range(source, &from, target, &to, count, 0);
#else
    (void)source, (void)offset, (void)target, (void)position, (void)count;
    errno = ENOSYS;
    return -1;
#endif
}

void brume_begin_writeback(int file, int64_t offset, int64_t count) {
#ifdef __linux__
    (void)sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)file, (void)offset, (void)count;
#endif
}
