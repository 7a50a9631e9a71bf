// How much memory scripts may take, so that the kernel itself can still answer when there is no more.
import Glibc

enum MemoryAllowance {
  /// Bytes for scripts: two thirds of what the process's limits (`ulimit -v`, `ulimit -d`) leave. The rest is for the
  /// kernel and for what the allocator adds to small blocks. 0 if there is no limit: a control group ends the process
  /// whatever it does.
  static func forScripts() -> Int {
    let limits = [(limit(RLIMIT_AS), "VmSize:"), (limit(RLIMIT_DATA), "VmData:")]
    // Most kernels have none, and need not read about themselves.
    if limits.allSatisfy({ $0.0 == nil }) { return 0 }
    let status = lines(of: "/proc/self/status")
    let left = limits.compactMap { limit, field in limit.map { $0 - (kilobytes(field, status) << 10) } }
    return left.min().map { max(1 << 20, $0 / 3 * 2) } ?? 0
  }

  /// Bytes; nil if nothing is limited.
  private static func limit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur)
  }

  private static func kilobytes(_ field: String, _ lines: [Substring]) -> Int {
    let line = lines.first { $0.hasPrefix(field) }
    return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) } ?? 0
  }

  private static func lines(of path: String) -> [Substring] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
  }
}
