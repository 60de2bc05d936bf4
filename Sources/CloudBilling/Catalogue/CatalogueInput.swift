import APIServer
import GoogleAPI

/// A page of the catalogue.
struct CatalogueInput: MethodInput {
    let resource = ResourceName([])
    /// Empty in the list of services.
    var service: String
    var pageSize: Int
    var pageToken: String

    init(from call: Call) async throws {
        service = (try? call.parameter("service")) ?? ""
        pageSize = min(max(call.query("pageSize").flatMap { Int($0) } ?? 5000, 1), 5000)
        pageToken = call.query("pageToken") ?? ""
        let currency = call.query("currencyCode") ?? ""
        guard ["", "USD"].contains(currency) else { throw GoogleError.unknownCurrency(currency) }
    }

    /// The part of a list that is asked for; a token is the name of the last document before it.
    func page(_ all: [JSON], named member: String) throws -> JSON {
        var start = 0
        if !pageToken.isEmpty {
            guard let last = all.firstIndex(where: { $0["name"]?.string == pageToken }) else {
                throw GoogleError.badBillingPage(pageToken)
            }
            start = last + 1
        }
        let page = all[start...].prefix(pageSize)
        let isLast = page.endIndex == all.endIndex
        return [member: .array(Array(page)), "nextPageToken": isLast ? "" : page.last?["name"] ?? ""]
    }
}
