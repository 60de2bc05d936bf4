import NIOCore
import Workloads

/// Splits what a container prints into its two streams.
///
/// Without a terminal each piece has a header of 8 bytes: the stream's number, three zeros, a length. With one, bytes
/// come as they are.
struct OutputDecoder {
    var isFramed: Bool
    private var buffer = ByteBuffer()

    init(isFramed: Bool) { self.isFramed = isFramed }

    mutating func decode(_ bytes: ByteBuffer) -> [LogChunk] {
        guard isFramed else { return bytes.readableBytes > 0 ? [LogChunk(stream: .output, bytes: bytes)] : [] }
        buffer.writeImmutableBuffer(bytes)
        var chunks: [LogChunk] = []
        while let stream: UInt8 = buffer.getInteger(at: buffer.readerIndex),
            let length: UInt32 = buffer.getInteger(at: buffer.readerIndex + 4),
            buffer.readableBytes >= 8 + Int(length)
        {
            buffer.moveReaderIndex(forwardBy: 8)
            guard let payload = buffer.readSlice(length: Int(length)), length > 0 else { continue }
            chunks.append(LogChunk(stream: stream == 2 ? .error : .output, bytes: payload))
        }
        buffer.discardReadBytes()
        return chunks
    }
}
