import APIServer
import Billing
import GoogleAPI

/// The [catalogue of prices](https://docs.cloud.google.com/billing/docs/reference/rest/v1/services): what `brume bill` adds
/// up with, in Google's form. What has no known price is not in it.
enum CatalogueMethods {
    @Sendable static func services(_ input: CatalogueInput, as caller: Caller) async throws -> JSON {
        try input.page(PricedService.all.map(document), named: "services")
    }

    @Sendable static func skus(_ input: CatalogueInput, as caller: Caller) async throws -> JSON {
        guard let service = PricedService.all.first(where: { $0.id == input.service }) else {
            throw GoogleError.serviceMissing(input.service)
        }
        return try input.page(PriceList.skus.filter { $0.service == service }.map(document), named: "skus")
    }

    private static func document(_ service: PricedService) -> JSON {
        [
            "name": .string("services/\(service.id)"), "serviceId": .string(service.id),
            "displayName": .string(service.displayName), "businessEntityName": "businessEntities/GCP",
        ]
    }

    private static func document(_ sku: SKU) -> JSON {
        let regions = JSON.array(sku.regions.map(JSON.string))
        let extent = sku.regions == ["global"] ? "GLOBAL" : sku.regions.count == 1 ? "REGIONAL" : "MULTI_REGIONAL"
        var geography: JSON = ["type": .string(extent)]
        if extent != "GLOBAL" { geography["regions"] = regions }
        return [
            "name": .string("services/\(sku.service.id)/skus/\(sku.id)"),
            "skuId": .string(sku.id),
            "description": .string(sku.description),
            "category": [
                "serviceDisplayName": .string(sku.service.displayName), "resourceFamily": .string(sku.family),
                "resourceGroup": .string(sku.group), "usageType": sku.isSpot ? "Preemptible" : "OnDemand",
            ],
            "serviceRegions": regions,
            "pricingInfo": [pricing(sku)],
            "serviceProviderName": "Google",
            "geoTaxonomy": geography,
        ]
    }

    private static func pricing(_ sku: SKU) -> JSON {
        var expression = sku.unit.document
        expression["displayQuantity"] = 1
        expression["tieredRates"] = .array(
            sku.rates.map { ["startUsageAmount": .number($0.start), "unitPrice": Money.document($0.price)] }
        )
        var pricing: JSON = [
            "summary": "", "currencyConversionRate": 1, "effectiveTime": .string(PriceList.date + "T00:00:00Z"),
            "pricingExpression": expression,
        ]
        if sku.rates.count > 1 {
            pricing["aggregationInfo"] = [
                "aggregationLevel": "PROJECT", "aggregationInterval": "MONTHLY", "aggregationCount": 1,
            ]
        }
        return pricing
    }
}

extension SKU.Unit {
    /// The members of a price that say what one unit is, and how many of the smallest unit it has.
    fileprivate var document: JSON {
        switch self {
        case .hour: Self.document("h", "hour", "s", "second", 3600)
        case .minute: Self.document("min", "minute", "s", "second", 60)
        case .gibibyteHour: Self.document("GiBy.h", "gibibyte hour", "By.s", "byte second", 3600 * Double(1 << 30))
        case .gibibyteMonth:
            Self.document(
                "GiBy.mo",
                "gibibyte month",
                "By.s",
                "byte second",
                PriceList.hoursOfMonth * 3600 * Double(1 << 30)
            )
        }
    }

    private static func document(
        _ unit: String,
        _ words: String,
        _ base: String,
        _ baseWords: String,
        _ factor: Double
    ) -> JSON {
        [
            "usageUnit": .string(unit), "usageUnitDescription": .string(words), "baseUnit": .string(base),
            "baseUnitDescription": .string(baseWords), "baseUnitConversionFactor": .number(factor),
        ]
    }
}
