// zlib, with the functions that are macros in its own header.
#include <zlib.h>

static inline int brume_inflate_init(z_streamp stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}
