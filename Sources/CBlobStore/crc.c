#include "crc.h"

#include <pthread.h>

// Checksums of S3 clients. Both are reflected, so one loop serves both: a CRC32 is a CRC whose upper half is zero.

typedef struct {
    uint64_t polynomial;
    uint64_t tables[8][256];
} crc_t;

static crc_t crc32 = {.polynomial = 0xEDB88320};
static crc_t crc64nvme = {.polynomial = 0x9A6C9329AC4BC9B5};
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill(crc_t *kind) {
    for (uint64_t byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? kind->polynomial : 0);
        }
        kind->tables[0][byte] = crc;
    }
    for (int byte = 0; byte < 256; byte++) {
        for (int table = 1; table < 8; table++) {
            uint64_t before = kind->tables[table - 1][byte];
            kind->tables[table][byte] = (before >> 8) ^ kind->tables[0][before & 0xFF];
        }
    }
}

static void fill_tables(void) {
    fill(&crc32);
    fill(&crc64nvme);
}

static uint64_t extend(const crc_t *kind, uint64_t crc, const uint8_t *next, size_t length) {
    const uint64_t (*tables)[256] = kind->tables;
    while (length >= 8) {
        for (int i = 0; i < 8; i++) {
            crc ^= (uint64_t)next[i] << (8 * i);
        }
        crc = tables[7][crc & 0xFF] ^ tables[6][(crc >> 8) & 0xFF] ^ tables[5][(crc >> 16) & 0xFF]
            ^ tables[4][(crc >> 24) & 0xFF] ^ tables[3][(crc >> 32) & 0xFF] ^ tables[2][(crc >> 40) & 0xFF]
            ^ tables[1][(crc >> 48) & 0xFF] ^ tables[0][crc >> 56];
        next += 8;
        length -= 8;
    }
    while (length > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *next) & 0xFF];
        next++;
        length--;
    }
    return crc;
}

uint32_t brume_crc32(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&tables_once, fill_tables);
    return ~(uint32_t)extend(&crc32, (uint32_t)~crc, bytes, length);
}

uint64_t brume_crc64nvme(uint64_t crc, const void *bytes, size_t length) {
    pthread_once(&tables_once, fill_tables);
    return ~extend(&crc64nvme, ~crc, bytes, length);
}
