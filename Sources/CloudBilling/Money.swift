import GoogleAPI

/// Sums as Google writes them.
///
/// See [Money](https://docs.cloud.google.com/billing/docs/reference/rest/Shared.Types/Money).
enum Money {
    /// US dollars with a precision of a billionth.
    static func document(_ dollars: Double) -> JSON {
        let nanos = Int64((dollars * 1e9).rounded())
        return [
            "currencyCode": "USD", "units": .string("\(nanos / 1_000_000_000)"),
            "nanos": .integer(nanos % 1_000_000_000),
        ]
    }
}
