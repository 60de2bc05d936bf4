// The settings of the C library's allocator, where it has some.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

static inline void brume_give_memory_back(int arenas, int kept, int mapped) {
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_TRIM_THRESHOLD, kept);
    mallopt(M_MMAP_THRESHOLD, mapped);
#else
    (void)arenas, (void)kept, (void)mapped;
#endif
}
