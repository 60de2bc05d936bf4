package import NIOCore

/// Who really runs things: instances, build steps, training jobs.
///
/// The words are Brume's own, so that a container engine, a microVM engine and a cluster fit behind them. No service
/// may assume that a workload shares the daemon's host, file system or loopback, that its address stays the same, or
/// that its logs outlive it.
///
/// Names are chosen by Brume before the call; creating what exists already is success, removing what is gone is
/// success. So every call may be repeated after a crash.
package protocol WorkloadEngine: Sendable {
    /// What this engine can do here and now.
    ///
    /// - Throws: ``EngineError/unavailable(_:)`` when the engine cannot be had at all; the text names the remedy.
    func capabilities() async throws -> EngineCapabilities

    // MARK: Images

    /// Looks an image up in the engine's own store; nil when it is not there.
    func image(_ reference: ImageReference) async throws -> ImageDescription?

    /// Fetches an image from its registry.
    ///
    /// - Throws: ``EngineError/imageUnavailable(_:reason:)``.
    func pull(_ reference: ImageReference, credential: RegistryCredential?, progress: @escaping ProgressReport)
        async throws

    /// Sends an image to its registry, and tells its digest there: `sha256:…`.
    func push(
        _ reference: ImageReference,
        credential: RegistryCredential?,
        progress: @escaping ProgressReport
    ) async throws -> String

    /// Builds an image from a context (a tar stream, as `docker build -` takes it).
    ///
    /// - Throws: ``EngineError/buildFailed(_:)`` with the failing step's message.
    func build(_ spec: ImageBuildSpec, context: ByteStream, progress: @escaping ProgressReport) async throws

    /// Makes an image of a root file system (a tar stream).
    func importImage(_ reference: ImageReference, rootFileSystem: ByteStream) async throws

    /// Gives an image a further name.
    func tag(_ reference: ImageReference, as alias: ImageReference) async throws

    /// Removes an image; an absent one is no error.
    func removeImage(_ reference: ImageReference) async throws

    // MARK: Networks and volumes

    /// Makes a network, or finds it as it is; returns where the daemon is reached from inside it.
    ///
    /// The doors are made to be those of `spec`, also in a network that was there before. When the wanted range is
    /// taken on this machine, the engine chooses another one and tells it.
    func ensureNetwork(_ spec: NetworkSpec) async throws -> NetworkDescription

    /// Removes a network that has no workloads any more.
    func removeNetwork(_ name: String) async throws

    /// Makes an empty volume; an existing one keeps its content.
    func ensureVolume(_ name: String, labels: [String: String]) async throws

    func removeVolume(_ name: String) async throws

    /// Makes a volume that holds what another one holds now; a volume of that name is replaced.
    ///
    /// Needs ``EngineCapabilities/volumeAccess``.
    ///
    /// - Throws: ``EngineError/notFound(_:)`` when there is no such source.
    func copyVolume(_ source: String, to target: String, labels: [String: String]) async throws

    // MARK: Workloads

    /// Prepares a workload without starting it. All of a group is prepared, or nothing.
    ///
    /// Only the images of ``StepsSpec`` may still be missing: a step's image is needed when its turn comes.
    ///
    /// Accelerators are chosen here, each for one workload at a time. They are free again when it ends; a machine that
    /// is started again needs the same ones again.
    ///
    /// - Throws: ``EngineError/imageMissing(_:)``, ``EngineError/insufficient(_:)``, ``EngineError/busy(_:)``.
    func create(_ spec: WorkloadSpec) async throws

    /// Starts a workload; a running one is left alone, and steps go on where a restart of the daemon left them.
    ///
    /// - Throws: ``EngineError/busy(_:)`` when others hold its accelerators now;
    ///   ``EngineError/refused(_:)`` when a machine or a replica cannot start (its program is missing, say): it
    ///   has then ended with ``Exit/Reason/failedToStart``, and no other replica runs. A step that cannot start ends so
    ///   too, but nothing is thrown.
    func start(_ name: WorkloadName) async throws

    /// Stops a workload: asks it to end, and kills it after `grace`. May be called twice; an ended workload is no error.
    ///
    /// - Parameter grace: Compute Engine gives 120 s, Spot 30 s.
    /// - Throws: ``EngineError/unreachable`` when the engine is silent; the workload may then still run.
    func stop(_ name: WorkloadName, grace: Duration) async throws

    /// Gives a machine another name, whether it runs or not. Its labels, its address and all else stay what they were.
    ///
    /// - Throws: ``EngineError/notFound(_:)`` when no machine has the name, ``EngineError/refused(_:)`` when another
    ///   workload has the new one.
    func rename(_ name: WorkloadName, to other: WorkloadName) async throws

    /// Changes the limits of a machine, whether it runs or not; zero lifts them.
    func resize(_ name: WorkloadName, to resources: Resources) async throws

    /// Makes an image of a machine's disk as it is now, without the volumes; a running machine waits meanwhile.
    ///
    /// - Throws: ``EngineError/notFound(_:)``.
    func capture(_ name: WorkloadName, as reference: ImageReference) async throws

    /// Holds all programs of a running workload where they are, its memory kept; ``resume(_:)`` lets them go on.
    ///
    /// A paused workload counts as running. Pausing twice is no error, nor is resuming what is not paused.
    func pause(_ name: WorkloadName) async throws

    func resume(_ name: WorkloadName) async throws

    /// Lets a running machine find a volume in a folder until the machine ends; a folder that shows it is left alone.
    ///
    /// Needs ``EngineCapabilities/volumeAccess``.
    func attach(_ mount: Mount, to name: WorkloadName) async throws

    /// Takes an attached volume from a running machine; programs that have files of it open keep those.
    func detach(_ path: String, from name: WorkloadName) async throws

    /// Lets packets to and from a running machine pass by these rules and no others, until it ends.
    ///
    /// Needs ``EngineCapabilities/packetFilters``.
    func apply(_ filter: PacketFilter, to name: WorkloadName) async throws

    /// Leads an address that is no machine's own to one in a network, for this computer and for the network's workloads.
    ///
    /// Needs ``EngineCapabilities/doors``.
    ///
    /// - Parameter target: An address in the network; nil: the address leads nowhere any more.
    func lead(_ address: String, to target: String?, in network: String) async throws

    /// Removes a workload with its disk; what still runs is killed.
    func remove(_ name: WorkloadName) async throws

    /// The state of a workload; nil when the engine does not know it.
    func status(of name: WorkloadName) async throws -> WorkloadStatus?

    /// Every workload that carries all of `labels`: one listing, asked after a restart. One that was never made to its end
    /// has no parts.
    func recover(labels: [String: String]) async throws -> [WorkloadStatus]

    /// Changes of state as they happen, for all workloads of this cloud, from now on.
    ///
    /// The stream ends, with ``EngineError/unreachable``, when the engine goes away; after it, ask ``recover(labels:)``.
    func events() async throws -> AsyncThrowingStream<WorkloadStatus, any Error>

    /// Waits until every part of a workload has ended, or the workload is gone (nil).
    func waitUntilEnded(_ name: WorkloadName) async throws -> WorkloadStatus?

    /// What a part printed, from its start; with `follow` the stream waits for the part to start and ends with it, else
    /// it ends at once.
    ///
    /// Logs go when the workload is removed: copy them as they come.
    func logs(of name: WorkloadName, part: String, follow: Bool) async throws -> AsyncThrowingStream<
        LogChunk, any Error
    >

    /// Runs a command inside a running part.
    func exec(_ command: ExecSpec, in name: WorkloadName, part: String) async throws -> any ExecSession

    /// Puts files into a created, running or stopped part; folders are made as needed.
    func upload(_ files: [FileSpec], to name: WorkloadName, part: String) async throws

    /// Reads a plain file of a part, running or ended, or all plain files in a folder, one after the other.
    ///
    /// - Parameter take: Gets each file; what it leaves unread of one is skipped.
    /// - Returns: False when there is nothing at the path.
    func read(
        _ path: String,
        of name: WorkloadName,
        part: String,
        _ take: @escaping @Sendable (WorkloadFile) async throws -> Void
    ) async throws -> Bool
}

/// Lines such as `Step 3/5 : RUN pip install …`, without a line end.
package typealias ProgressReport = @Sendable (String) -> Void

/// A plain file as it is read out of a workload.
package struct WorkloadFile: Sendable {
    /// Absolute.
    package var path: String
    package var sizeBytes: Int64
    /// Read at most once, before the next file comes.
    package var content: ByteStream

    package init(path: String, sizeBytes: Int64, content: ByteStream) {
        self.path = path
        self.sizeBytes = sizeBytes
        self.content = content
    }
}

/// Bytes that are pulled in chunks.
package typealias ByteStream = AsyncThrowingStream<ByteBuffer, any Error>

/// A command that runs inside a workload.
package protocol ExecSession: Sendable {
    /// What the command prints.
    var output: AsyncThrowingStream<LogChunk, any Error> { get }
    /// Sends bytes to the command's standard input.
    func write(_ bytes: ByteBuffer) async throws
    /// Ends the command's standard input.
    func finishInput() async throws
    /// Tells the size of the terminal, when the command has one.
    func resize(to size: ExecSpec.TerminalSize) async throws
    /// Waits for the command; its exit code. Read ``output`` to its end first, or the command may wait for its reader.
    func exitCode() async throws -> Int32
}
