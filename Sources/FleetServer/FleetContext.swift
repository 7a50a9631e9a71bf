// What goes with a request on its way through middleware and routes.
import FleetCore
import Hummingbird
import NIOCore

public struct FleetContext: RequestContext {
  public var coreContext: CoreRequestContextStorage
  /// Set by `Gate`, before any route.
  public var identity = Identity.anonymous
  public var isControlSocket = false

  /// Over which it came.
  let channel: any Channel

  public init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// Whose kernels the request may see and touch.
  public var viewer: Viewer { identity.viewer }
}
