import HTTPTypes
import NIOCore
import NIOHTTP1

/// Keeps what the codec behind it drops: the host of a request in absolute form, `GET http://host/path`.
///
/// The host of the target wins over the `Host` field, and a field of Brume's own says that the form was absolute;
/// clients cannot set that field themselves.
final class AbsoluteFormHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    static let fieldName = "Brume-Absolute-Form"
    static let field = HTTPField.Name(fieldName)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        head.headers.remove(name: Self.fieldName)
        if head.uri.lowercased().hasPrefix("http://") {
            let authority = head.uri.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" }
            head.headers.replaceOrAdd(name: "Host", value: String(authority))
            head.headers.add(name: Self.fieldName, value: "1")
        }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
