#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many files the daemon may have open. Each connection is one, and shells start programs with a limit of 1,024.
enum OpenFileLimit {
    /// More than this many are not asked for: tables of open files take memory.
    private static let wanted: rlim_t = 65_536

    /// Raises the limit as far as the machine lets it, without rights of its own.
    static func raise() {
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < min(wanted, limit.rlim_max) else { return }
        limit.rlim_cur = min(wanted, limit.rlim_max)
        _ = setrlimit(kind, &limit)
    }
}
