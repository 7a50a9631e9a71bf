// A kernel's identity is its UUID, however it is kept.
import FleetEngine
import Testing

@Suite struct KernelIDTests {
  @Test func aUUIDComesBackInLowerCase() throws {
    var random = SplitMix64(seed: 1)
    var ids: [KernelID] = []
    for _ in 0..<1000 {
      let digits = (0..<32).map { _ in String(random.below(16), radix: 16) }.joined()
      var text = ""
      for (index, digit) in digits.enumerated() {
        if [8, 12, 16, 20].contains(index) { text += "-" }
        text.append(digit)
      }
      let id = try #require(KernelID(uuid: text.uppercased()))
      #expect(id.uuid == text)
      #expect(id.description == "kernel-" + text.prefix(8))
      #expect(id == KernelID(uuid: text))
      ids.append(id)
    }
    #expect(ids.sorted().map(\.uuid) == ids.map(\.uuid).sorted())
    #expect(Set(ids).count == 1000)
  }

  @Test(arguments: [
    "", "12345678-1234-1234-1234-12345678901", "12345678-1234-1234-1234-1234567890123",
    "1234567-81234-1234-1234-123456789012", "g2345678-1234-1234-1234-123456789012",
    "12345678 1234-1234-1234-123456789012", "12345678-1234-1234-1234-12345678901ä",
  ])
  func anythingElseIsNone(text: String) {
    #expect(KernelID(uuid: text) == nil)
  }
}
