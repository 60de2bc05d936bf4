package import Workloads

/// An image that Google's documents name, and what it is here.
package struct CatalogueEntry: Sendable, Equatable {
    /// `debian-12`, unique in the catalogue.
    package var name: String
    /// One line for people.
    package var summary: String
    /// The names under which clients ask for it: `gcr.io/cloud-builders/docker:latest`, `python:3.11-slim`.
    package var references: [ImageReference]
    /// The Compute Engine images that boot from it.
    package var computeImages: [ComputeImage]
    /// Where the original is, for the networks that reach it; nil when Brume's own image is the only one.
    package var upstream: ImageReference?
    /// How it is made here.
    package var recipe: Recipe
    /// What of this machine its containers need, besides the image.
    package var hostTools: [HostTools]
    /// Whether its instances run on a kernel of their own unless they say otherwise: what it is for needs one.
    package var wantsOwnKernel: Bool

    /// How an image is made of a distribution's and Python's packages.
    package struct Recipe: Sendable, Equatable {
        package enum Kind: Sendable, Equatable {
            /// A root file system of a distribution's packages.
            case root(of: Distribution)
            /// What is added to another entry.
            case layer(on: String)
            /// Files of this machine, put together by the recipe's `make.sh`.
            case files
        }

        /// The folder under `Recipes`.
        package var folder: String
        package var kind: Kind
        /// Raised when the recipe changes: an image of an older version is made anew.
        package var version: Int
    }

    /// Makes an entry; tests make some of their own.
    package init(
        name: String,
        summary: String,
        references: [ImageReference] = [],
        computeImages: [ComputeImage] = [],
        upstream: ImageReference? = nil,
        recipe: Recipe,
        hostTools: [HostTools] = [],
        wantsOwnKernel: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.references = references
        self.computeImages = computeImages
        self.upstream = upstream
        self.recipe = recipe
        self.hostTools = hostTools
        self.wantsOwnKernel = wantsOwnKernel
    }
}

/// A public image of Compute Engine: what `compute.images.get` and its families tell.
///
/// [images](https://docs.cloud.google.com/compute/docs/reference/rest/v1/images)
package struct ComputeImage: Sendable, Equatable {
    /// `debian-cloud`.
    package var project: String
    /// `debian-12-bookworm-v20261110`; the date is the catalogue's own and moves with its versions.
    package var name: String
    /// `debian-12`. Google's images are in one family; a few of ours answer to several names of it.
    package var families: [String]
    /// `debian-12`: the license of its operating system, named as its family with few exceptions.
    package var licenseName: String
    package var description: String
    /// The smallest boot disk.
    package var diskSizeGb: Int64
    /// When the catalogue's version of the image was made, in RFC 3339.
    package var creationTimestamp: String

    package init(
        project: String,
        name: String,
        families: [String],
        licenseName: String? = nil,
        description: String,
        diskSizeGb: Int64,
        creationTimestamp: String
    ) {
        self.project = project
        self.name = name
        self.families = families
        self.licenseName = licenseName ?? families.first ?? name
        self.description = description
        self.diskSizeGb = diskSizeGb
        self.creationTimestamp = creationTimestamp
    }
}
