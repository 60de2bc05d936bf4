#pragma once

#include <stdint.h>
#include <sys/types.h>

/// Has the kernel copy up to `count` bytes from one file to another; see copy_file_range(2).
///
/// Returns how many were copied; -1 with `errno`, which is ENOSYS where the system has no such call.
ssize_t brume_copy_range(int source, int64_t offset, int target, int64_t position, size_t count);

/// Has the kernel begin to write part of a file to the disk, and does not wait for it: a later fsync(2) has less to
/// wait for. Nothing becomes durable by it; where the system has no such call, nothing happens.
void brume_begin_writeback(int file, int64_t offset, int64_t count);
