#pragma once

#include <stddef.h>
#include <stdint.h>

/// Extends a CRC32C (Castagnoli, RFC 3720) by `length` bytes; the CRC32C of no bytes is 0.
///
/// Uses the processor's own instruction (SSE 4.2, ARMv8 CRC) where there is one.
uint32_t brume_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same in plain C, for processors without the instruction.
uint32_t brume_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

/// The CRC32C of two pieces of text put together, from the CRC32C of each and the length of the second in bytes.
uint32_t brume_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length);
