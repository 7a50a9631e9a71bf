// What a kernel remembers of the cells of its session, and that it forgets.
import Testing

@testable import LuaKernel

@Suite struct RecentCellsTests {
  private func cells(_ count: Int, _ cells: inout RecentCells) {
    for number in 1...count {
      cells.append(.init(number: number, input: "é\(number)", output: number % 2 == 0 ? "\(number)" : nil))
    }
  }

  @Test func keepsTheLatest() {
    var recent = RecentCells(capacity: 100, bytes: 1 << 20)
    cells(1000, &recent)
    let entries = recent.entries(session: 7)
    #expect((90...100).contains(entries.count))
    #expect(entries.map(\.number) == Array((1001 - entries.count)...1000))
    #expect(entries.allSatisfy { $0.session == 7 && $0.input == "é\($0.number)" })
    #expect(entries.allSatisfy { $0.output == ($0.number % 2 == 0 ? "\($0.number)" : nil) })
    #expect(recent.input(of: 1000) == "é1000")
    #expect(recent.input(of: 950) == "é950")
    #expect(recent.input(of: 1) == nil)
  }

  @Test func textIsBounded() {
    var recent = RecentCells(capacity: 1000, bytes: 1000)
    cells(1000, &recent)
    let sizes = recent.entries(session: 1).map { $0.input.utf8.count + ($0.output?.utf8.count ?? 0) }
    #expect((800...1000).contains(sizes.reduce(0, +)))
    let huge = String(repeating: "x", count: 5000)
    recent.append(.init(number: 1001, input: huge, output: nil))
    #expect(recent.entries(session: 1).map(\.input) == [huge])
    recent.append(.init(number: 1002, input: "", output: ""))
    #expect(recent.entries(session: 1).map(\.number) == [1002])
    #expect(recent.entries(session: 1).first?.output == "")
  }
}
