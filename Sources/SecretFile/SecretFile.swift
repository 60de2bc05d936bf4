package import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that nobody but its owner can read at any moment: keys, tokens.
package struct SecretFile: Sendable {
    private let file: URL

    package init(_ file: URL) { self.file = file }

    /// Replaces the file's content: whole or not at all.
    ///
    /// - Parameter isLasting: Whether it must survive a power failure from the moment this returns. What can be made
    ///   anew at every start need not, and is written faster.
    /// - Throws: `CocoaError` with the file's path, when the folder cannot be written or is full; the file is then as
    ///   it was.
    package func write(_ content: Data, isLasting: Bool = true) throws {
        let draft = file.appendingPathExtension("new")
        unlink(draft.path)
        let descriptor = open(draft.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: content)
            if isLasting { try handle.synchronize() }
            try handle.close()
            guard rename(draft.path, file.path) == 0 else { throw failure() }
        } catch {
            unlink(draft.path)
            throw error
        }
        if isLasting { try syncFolder() }
    }

    /// A new name is a change of its folder.
    private func syncFolder() throws {
        let descriptor = open(file.deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure() }
    }

    /// What `errno` says, of this file.
    private func failure() -> CocoaError {
        let code: CocoaError.Code =
            switch errno {
            case ENOSPC, EDQUOT: .fileWriteOutOfSpace
            case EACCES, EPERM: .fileWriteNoPermission
            default: .fileWriteUnknown
            }
        return CocoaError(code, userInfo: [NSFilePathErrorKey: file.path])
    }
}
