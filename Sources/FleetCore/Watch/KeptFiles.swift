// Small files of the system that are read again and again.
import CFleetSystem
import Glibc

/// Files that are kept open as long as the budget allows: opening one costs three times as much as reading it, and a
/// file of /proc that is open stays that process's when its pid is given to another one.
final class KeptFiles: Sendable {
  private let paths: [String]
  /// -1 for what could not be opened; empty without a budget.
  private let descriptors: [Int32]
  private let budget: DescriptorBudget

  /// - Parameter paths: what cannot be opened reads as nothing.
  init(_ paths: [String], _ budget: DescriptorBudget) {
    self.paths = paths
    self.budget = budget
    guard budget.take(paths.count) else {
      descriptors = []
      return
    }
    descriptors = paths.map { open($0, O_RDONLY | O_CLOEXEC) }
  }

  deinit {
    for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
    if isKept { budget.give(paths.count) }
  }

  var isKept: Bool { !descriptors.isEmpty }

  /// What a file holds now, as far as the buffer reaches; nil if it is not there any more.
  func read(_ index: Int, _ buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
    let count: Int
    if isKept {
      count = descriptors[index] < 0 ? -1 : pread(descriptors[index], buffer.baseAddress, buffer.count, 0)
    } else {
      count = fleet_read_file(paths[index], buffer.baseAddress, buffer.count)
    }
    return count > 0 ? UnsafeRawBufferPointer(rebasing: buffer[..<count]) : nil
  }
}
