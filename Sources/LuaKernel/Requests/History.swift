// What was executed, for history requests: the latest cells of this session in memory, those of earlier ones in a file.
import Glibc
import JSON

struct History {
  struct Entry {
    /// Sessions are counted from 1; each start of the kernel is one.
    var session = 0
    let number: Int
    let input: String
    var output: String?
  }

  /// How many entries are kept in memory, and how many bytes of text.
  static let capacity = 1000
  static let bytes = 256 << 10

  private let file: HistoryFile?
  private var recent = RecentCells(capacity: History.capacity, bytes: History.bytes)

  init(_ file: HistoryFile? = nil) { self.file = file }

  mutating func append(_ number: Int, _ input: String, output: String?) {
    let entry = Entry(number: number, input: input, output: output)
    file?.append(entry)
    recent.append(entry)
  }

  /// The code of a cell by the name of its chunk, if it is still kept.
  func source(of chunk: String) -> String? {
    guard chunk.hasPrefix("cell "), let number = Int(chunk.dropFirst(5)) else { return nil }
    return recent.input(of: number)
  }

  /// The content of `history_reply`. Session 0 is the current one, negative ones are counted back from it.
  func reply(to request: JSON) -> JSON {
    let wantsOutput = request["output"]?.bool ?? false
    let (earlier, current) = sessions()
    let all = earlier + current
    let session = all.last?.session ?? 1
    let chosen: [Entry]
    switch request["hist_access_type"]?.string {
    case "range": chosen = range(request, all, session)
    case "search": chosen = search(request, all)
    default: chosen = Array(all.suffix(max(0, Int(request["n"]?.int ?? 10))))
    }
    let list = chosen.map { entry -> JSON in
      let text: JSON = wantsOutput ? [.string(entry.input), JSON(entry.output)] : .string(entry.input)
      return [JSON(entry.session), JSON(entry.number), text]
    }
    return ["status": "ok", "history": .array(list)]
  }

  private func sessions() -> (earlier: [Entry], current: [Entry]) {
    let earlier = file?.earlier() ?? []
    let session = (earlier.last?.session ?? 0) + 1
    return (earlier, recent.entries(session: session))
  }

  private func range(_ request: JSON, _ all: [Entry], _ current: Int) -> [Entry] {
    var session = Int(request["session"]?.int ?? 0)
    if session <= 0 { session += current }
    let start = request["start"]?.int ?? 0
    let stop = request["stop"]?.int ?? .max
    return all.filter { $0.session == session && $0.number >= start && $0.number < stop }
  }

  private func search(_ request: JSON, _ all: [Entry]) -> [Entry] {
    let pattern = request["pattern"]?.string ?? "*"
    var found = all.filter { fnmatch(pattern, $0.input, 0) == 0 }
    if request["unique"]?.bool ?? false {
      var seen: Set<String> = []
      found = found.reversed().filter { seen.insert($0.input).inserted }.reversed()
    }
    if let count = request["n"]?.int { found = found.suffix(max(0, Int(count))) }
    return found
  }
}
