// Sizes, lengths of time, shares of processors, and "did you mean".
import Testing

@testable import FleetConfiguration

struct ValueTests {
  @Test(
    arguments: [
      ("512M", 536_870_912), ("1.5G", 1_610_612_736), ("64KiB", 65_536), ("64 kb", 65_536), ("1000", 1000), ("0", 0),
      ("1T", 1_099_511_627_776), ("7B", 7), ("0.25K", 256),
    ] as [(String, Int64)])
  func sizes(text: String, bytes: Int64) throws {
    #expect(try ByteCount(parsing: text).bytes == bytes)
  }

  @Test(arguments: ["half", "", "M", "-1M", "1.5", "1.G", "1..5G", "12X", "1MiBB", "1 MI", "+1", "٣M", "0x10", "1e3"])
  func notSizes(text: String) {
    let message = "\"\(text)\" is no size; write bytes or a number with K, M, G or T, such as 512M or 1.5G"
    #expect { try ByteCount(parsing: text) } throws: { "\($0)" == message }
  }

  @Test(arguments: ["99999999T", "9223372036854775808", "99999999.5T"])
  func sizesBeyondTheMachine(text: String) {
    #expect { try ByteCount(parsing: text) } throws: {
      "\($0)" == "\"\(text)\" is more bytes than a machine can address"
    }
  }

  @Test func sizesAreWrittenAsTheyAreRead() throws {
    for text in ["512M", "1.5G", "1.25K", "1000", "3T", "0"] {
      #expect(try ByteCount(parsing: text).description == text)
    }
    #expect(ByteCount(bytes: 64 << 20).spelled == "64 MiB")
    #expect(ByteCount(bytes: 1_500_000_000).spelled == "1.4 GiB")
    #expect(ByteCount(bytes: 700).spelled == "700 B")
    #expect(ByteCount(bytes: 1) < ByteCount(bytes: 2))
  }

  @Test(
    arguments: [
      ("2s", .seconds(2)), ("500ms", .milliseconds(500)), ("1h", .seconds(3600)), ("1m30s", .seconds(90)),
      ("0.5s", .milliseconds(500)), ("5", .seconds(5)), ("1d", .seconds(86_400)), ("0s", .zero),
      ("1.5ms", .microseconds(1500)),
    ] as [(String, Duration)])
  func durations(text: String, duration: Duration) throws {
    #expect(try DurationText.parse(text) == duration)
    #expect(try DurationText.parse(DurationText.format(duration)) == duration)
  }

  @Test(arguments: ["", "s", "2x", "-1s", "1h30", "1.s", ".5s", "soon", "1 s"])
  func notDurations(text: String) {
    let message = "\"\(text)\" is no length of time; write it as 500ms, 2s, 1m30s or 24h"
    #expect { try DurationText.parse(text) } throws: { "\($0)" == message }
  }

  @Test func sharesPrioritiesAndCounts() throws {
    #expect(try CPUShare(parsing: "0.5").cores == 0.5)
    #expect(try CPUShare(parsing: "50%").cores == 0.5)
    #expect(try CPUShare(parsing: "2").description == "2")
    #expect { try CPUShare(parsing: "0") } throws: {
      "\($0)" == "0 is no share of processors; 0.5 is half a core, 2 are two, 0.01 is the least"
    }
    #expect { try CPUShare(parsing: "half") } throws: {
      "\($0)" == "\"half\" is no share of processors; write 0.5 or 50% for half a core"
    }
    #expect(throws: ValueError.self) { try CPUShare(parsing: "nan") }
    #expect(try Niceness(parsing: "-20").value == -20)
    #expect { try Niceness(parsing: "20") } throws: { "\($0)" == "20 is no priority; nice goes from -20 to 19" }
    #expect { try PositiveCount(parsing: "0") } throws: {
      "\($0)" == "0 is out of range; write a whole number from 1 to 2147483647"
    }
    #expect { try PositiveCount(parsing: "1.5") } throws: { "\($0)" == "\"1.5\" is no whole number" }
  }

  @Test func laterLimitsFillTheGapsOfEarlierOnes() throws {
    let own = Limits(memory: ByteCount(bytes: 1))
    let host = Limits(memory: ByteCount(bytes: 2), nice: try Niceness(5))
    #expect(own.over(host) == Limits(memory: ByteCount(bytes: 1), nice: try Niceness(5)))
  }

  @Test func nearestNames() {
    #expect(NearestName.of("modle", among: ["provider", "model"]) == "model")
    #expect(NearestName.of("Memory", among: ["memory", "cpu"]) == "memory")
    #expect(NearestName.of("pyton3", among: ["lua", "python3"]) == "python3")
    #expect(NearestName.of("zzz", among: ["lua", "python3"]) == nil)
    #expect(NearestName.hint(for: "zzz", among: ["a", "b"], what: "there are") == "; there are: a, b")
    #expect(NearestName.hint(for: "zzz", among: [], what: "there are") == "")
  }

  @Test(arguments: ["127.0.0.1:9550", "[::1]:0", "localhost:65535"])
  func addresses(text: String) throws {
    #expect(try HTTPAddress(parsing: text).description == text)
  }

  @Test(arguments: ["9550", "127.0.0.1", "127.0.0.1:65536", "::1:80", ":80", "a b:80", "x:"])
  func notAddresses(text: String) {
    let message = "\"\(text)\" is no address; write it as 127.0.0.1:9550, or \"\" for none"
    #expect { try HTTPAddress(parsing: text) } throws: { "\($0)" == message }
  }
}
