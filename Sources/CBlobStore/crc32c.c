#include "crc32c.h"

#include <pthread.h>
#include <string.h>

// Castagnoli's polynomial, bits reversed: the highest power stands in the lowest bit.
static const uint32_t polynomial = 0x82F63B78;

// MARK: - Plain C: eight tables, eight bytes a step

static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int table = 1; table < 8; table++) {
            uint32_t before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    }
}

uint32_t brume_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&tables_once, fill_tables);
    const uint8_t *next = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint32_t low = crc
            ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 | (uint32_t)next[3] << 24);
        crc = tables[7][low & 0xFF] ^ tables[6][(low >> 8) & 0xFF] ^ tables[5][(low >> 16) & 0xFF]
            ^ tables[4][low >> 24] ^ tables[3][next[4]] ^ tables[2][next[5]] ^ tables[1][next[6]] ^ tables[0][next[7]];
        next += 8;
        length -= 8;
    }
    while (length > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *next) & 0xFF];
        next++;
        length--;
    }
    return ~crc;
}

// MARK: - The processor's instruction

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2")))
static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *next, size_t length) {
    uint64_t value = (uint32_t)~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        value = _mm_crc32_u64(value, word);
        next += 8;
        length -= 8;
    }
    uint32_t rest = (uint32_t)value;
    while (length > 0) {
        rest = _mm_crc32_u8(rest, *next);
        next++;
        length--;
    }
    return ~rest;
}

static int has_hardware(void) {
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__)

#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

__attribute__((target("crc")))
static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *next, size_t length) {
    uint32_t value = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        value = __crc32cd(value, word);
        next += 8;
        length -= 8;
    }
    while (length > 0) {
        value = __crc32cb(value, *next);
        next++;
        length--;
    }
    return ~value;
}

static int has_hardware(void) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
    return 1;
#endif
}

#else

static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *next, size_t length) {
    return brume_crc32c_portable(crc, next, length);
}

static int has_hardware(void) {
    return 0;
}

#endif

static int hardware = 0;
static pthread_once_t hardware_once = PTHREAD_ONCE_INIT;

static void find_hardware(void) {
    hardware = has_hardware();
}

uint32_t brume_crc32c(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&hardware_once, find_hardware);
    return hardware ? crc32c_hardware(crc, bytes, length) : brume_crc32c_portable(crc, bytes, length);
}

// MARK: - Combination

// The product of two polynomials modulo the CRC's own; bit 31 stands for x^0.
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit) {
            product ^= b;
        }
        b = (b >> 1) ^ ((b & 1) ? polynomial : 0);
    }
    return product;
}

uint32_t brume_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length) {
    // Bytes after the first piece multiply its remainder by x^8 each.
    uint32_t shift = 1u << 31;
    uint32_t power = 1u << 23;
    while (second_length > 0) {
        if (second_length & 1) {
            shift = multiply(shift, power);
        }
        power = multiply(power, power);
        second_length >>= 1;
    }
    return multiply(shift, first) ^ second;
}
