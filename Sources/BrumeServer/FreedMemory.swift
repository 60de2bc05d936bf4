import CAllocator

/// What becomes of memory that the daemon does not need any more.
///
/// The C library keeps it, for each thread by itself, and the more the larger the buffers were that came and went: after
/// some transfers of hundreds of megabytes 80 MiB that nobody uses.
enum FreedMemory {
    /// Gives freed memory back to the system, but for what the next request is likely to need. Called before the work
    /// begins.
    ///
    /// Two places to take memory from are enough for a few threads. Buffers of transfers (512 KiB) still come out of them:
    /// each one mapped by itself would have to be zeroed anew by the system.
    static func giveBack() { brume_give_memory_back(2, 4 << 20, 1 << 20) }
}
