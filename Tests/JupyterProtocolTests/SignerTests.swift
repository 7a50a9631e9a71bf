// Signatures against vectors made by Python's hmac module, and the memory of replays.
import Testing

@testable import JupyterProtocol

@Suite struct SignerTests {
  @Test func matchesPython() {
    let parts = [#"{"msg_id":"1"}"#, "{}", "{}", #"{"code":"1"}"#].map { Array($0.utf8) }
    let signature = Signer(key: "a-key").signature(of: parts)
    #expect(
      String(decoding: signature, as: UTF8.self) == "9d847d962ea04190ab6d5b94948a2070469cc4c9d6fb0951f79ff735082e874c")
  }

  @Test func matchesPythonForKeysLongerThanABlock() {
    let signature = Signer(key: String(repeating: "k", count: 100)).signature(of: [Array("é".utf8)])
    #expect(
      String(decoding: signature, as: UTF8.self) == "3ac1b3a5dd3261f739971f9de6cb1453d13028b88d2a08bb1e7c0cd12a28f365")
  }

  @Test func everyChangedBitIsNoticed() {
    let signer = Signer(key: "a-key")
    let parts: Frames = [[1, 2, 3]]
    let signature = signer.signature(of: parts)
    #expect(signer.isValid(signature, for: parts))
    for index in signature.indices {
      var forged = signature
      forged[index] ^= 1
      #expect(!signer.isValid(forged, for: parts))
    }
    #expect(!signer.isValid([], for: parts))
    #expect(!signer.isValid(Array(signature.dropLast()), for: parts))
    #expect(!signer.isValid(signature, for: [[1, 2, 4]]))
  }

  @Test func emptyKeyMeansNoSignatures() {
    let signer = Signer(key: "")
    #expect(signer.signature(of: [[1]]) == [])
    #expect(signer.isValid([], for: [[1]]))
    #expect(signer.isValid(Array("anything".utf8), for: [[1]]))
  }

  @Test func replaysAreRefusedUntilForgotten() {
    let signer = Signer(key: "a-key")
    let signatures = (0..<10).map { signer.signature(of: [[UInt8($0)]]) }
    let guarding = ReplayGuard(capacity: 4)
    for signature in signatures {
      #expect(guarding.accept(signature))
      #expect(!guarding.accept(signature))
    }
    #expect(!guarding.accept(signatures[6]))
    // The oldest of ten have made room for the last four.
    #expect(guarding.accept(signatures[0]))
  }
}
