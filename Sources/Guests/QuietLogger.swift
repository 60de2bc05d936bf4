package import Logging

extension Logger {
    /// For the libraries below: of what they report on their ordinary days, nothing; what goes wrong is kept.
    ///
    /// Whoever asks for more than the ordinary (`BRUME_LOG=debug`) gets theirs too.
    package var quietened: Logger {
        guard logLevel == .info || logLevel == .notice else { return self }
        var logger = self
        logger.logLevel = .warning
        return logger
    }
}
