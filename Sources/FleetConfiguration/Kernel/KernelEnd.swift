// The last words of a kernel that ends by itself: the kernel writes them, the host looks for them.

public enum KernelEnd {
  /// At the end of the last line of its log.
  public static let idle = "ends: idle, nobody asked for anything"
}
