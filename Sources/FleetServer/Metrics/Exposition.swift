// The text formats that Prometheus scrapes, built as bytes: with a thousand kernels that is a megabyte for each scrape.
import FleetCore

/// Metric families: name, help and type once, then the samples.
/// https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
public struct Exposition {
  enum Kind: String {
    case gauge, counter, summary, histogram
    /// A name that says something else than the type: of spec §6, `llmspell_kernels_total` is no counter.
    case unknown
  }

  public enum Format: Sendable {
    /// 0.0.4
    case text
    /// 1.0.0
    case openMetrics

    var contentType: String {
      switch self {
      case .text: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  /// Labels as they are written between braces: escaped once for all samples that have them.
  struct Labels {
    fileprivate var bytes: [UInt8] = []

    init(_ labels: [(name: String, value: String)] = []) {
      for (name, value) in labels {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes += name.utf8
        bytes += [UInt8(ascii: "="), UInt8(ascii: "\"")]
        Exposition.escape(value, quotes: true, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
      }
    }

    fileprivate init(_ labels: Labels, _ name: String, _ value: [UInt8]) {
      bytes = labels.bytes
      if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
      bytes += name.utf8
      bytes += [UInt8(ascii: "="), UInt8(ascii: "\"")]
      bytes += value
      bytes.append(UInt8(ascii: "\""))
    }
  }

  let format: Format
  private(set) var bytes: [UInt8] = []
  /// The name of the family's samples.
  private var sample: [UInt8] = []
  /// What a histogram's samples begin with.
  private var stem: [UInt8] = []

  /// - Parameter capacity: bytes that are expected.
  init(_ format: Format, capacity: Int = 16 << 10) {
    self.format = format
    bytes.reserveCapacity(capacity)
  }

  /// - Parameter name: as Prometheus 0.0.4 has it: a counter's ends with `_total`.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    let isOpen = format == .openMetrics
    // OpenMetrics names the family without what its samples have behind the name.
    let family = isOpen && kind == .counter && name.hasSuffix("_total") ? String(name.dropLast(6)) : name
    let type = !isOpen && kind == .unknown ? "untyped" : kind.rawValue
    bytes += "# HELP \(family) ".utf8
    Self.escape(help, quotes: isOpen, into: &bytes)
    bytes += "\n# TYPE \(family) \(type)\n".utf8
    if isOpen, kind != .unknown, let unit = Self.units.first(where: { family.hasSuffix("_" + $0) }) {
      bytes += "# UNIT \(family) \(unit)\n".utf8
    }
    sample = Array(name.utf8)
    stem = sample
  }

  private static let units = ["seconds", "bytes", "ratio"]

  /// A sample of the family that was opened last.
  /// - Parameter value: nothing is written for nil: what is not known is no zero.
  mutating func add(_ value: Double?, _ labels: Labels = Labels()) {
    guard let value else { return }
    line(sample, labels)
    append(value)
  }

  mutating func add(_ value: Int64?, _ labels: Labels = Labels()) {
    guard let value else { return }
    line(sample, labels)
    append(value)
    bytes.append(Self.newline)
  }

  /// All series of a histogram: cumulative buckets, sum, count.
  mutating func add(_ histogram: Histogram.Snapshot, _ labels: Labels = Labels()) {
    var count: UInt64 = 0
    for (index, more) in histogram.counts.enumerated() {
      count += more
      let bound = index < histogram.bounds.count ? histogram.bounds[index] : .infinity
      line(stem + "_bucket".utf8, Labels(labels, "le", Self.written(bound, isBound: format == .openMetrics)))
      append(Int64(clamping: count))
      bytes.append(Self.newline)
    }
    line(stem + "_sum".utf8, labels)
    append(histogram.sum)
    line(stem + "_count".utf8, labels)
    append(Int64(clamping: count))
    bytes.append(Self.newline)
  }

  /// Must come last.
  mutating func finish() {
    if format == .openMetrics { bytes += "# EOF\n".utf8 }
  }

  // MARK: Bytes

  private static let newline = UInt8(ascii: "\n")

  /// The name, the labels and the space before the value.
  private mutating func line(_ name: [UInt8], _ labels: Labels) {
    bytes += name
    if !labels.bytes.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      bytes += labels.bytes
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: " "))
  }

  private mutating func append(_ value: Double) {
    if value == value.rounded(.towardZero), abs(value) < 1e15 {
      append(Int64(value))
    } else {
      bytes += Self.written(value)
    }
    bytes.append(Self.newline)
  }

  private mutating func append(_ value: Int64) {
    // Digits come last first; reversed in place they would be taken out of the array and put back.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var start = digits.count
      var rest = value.magnitude
      repeat {
        start -= 1
        digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      if value < 0 { bytes.append(UInt8(ascii: "-")) }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
    }
  }

  /// - Parameter isBound: OpenMetrics wants `1.0` in `le`, so that one bound is always written in one way.
  private static func written(_ value: Double, isBound: Bool = false) -> [UInt8] {
    if value.isNaN { return Array("NaN".utf8) }
    if value.isInfinite { return Array((value < 0 ? "-Inf" : "+Inf").utf8) }
    if !isBound, value == value.rounded(), abs(value) < 1e15 { return Array("\(Int64(value))".utf8) }
    return Array(value.description.utf8)
  }

  private static func escape(_ text: String, quotes: Bool, into bytes: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
      case newline: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case UInt8(ascii: "\"") where quotes: bytes += [UInt8(ascii: "\\"), byte]
      // Parsers end there.
      case 0: bytes += "\u{FFFD}".utf8
      default: bytes.append(byte)
      }
    }
  }
}
