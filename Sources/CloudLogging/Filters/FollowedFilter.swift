extension Filter {
    /// The filter of a client that follows a log by polling, read as what it means: all that is new.
    ///
    /// gcloud asks for `timestamp>="LAST SEEN" AND timestamp<"5 SECONDS AGO"`. It drops what it has seen already, and
    /// the upper bound guards it against entries that come in late, which Brume does not have.
    var asFollowed: Filter {
        .all(
            conjuncts.compactMap { part in
                guard case .comparison(var comparison) = part, comparison.path == ["timestamp"] else { return part }
                switch comparison.relation {
                case .less, .lessOrEqual: return nil
                case .greaterOrEqual:
                    comparison.relation = .greater
                    return .comparison(comparison)
                default: return part
                }
            }
        )
    }
}
