#pragma once

#include <stddef.h>
#include <stdint.h>

/// Extends a CRC32 (IEEE 802.3, as in zip and gzip) by `length` bytes; that of no bytes is 0.
uint32_t brume_crc32(uint32_t crc, const void *bytes, size_t length);

/// Extends a CRC64/NVME by `length` bytes; that of no bytes is 0.
uint64_t brume_crc64nvme(uint64_t crc, const void *bytes, size_t length);
