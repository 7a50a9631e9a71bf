// What was executed, for history requests. In memory, the oldest entries go first.
import Glibc
import JSON

struct History {
  struct Entry {
    let number: Int
    let input: String
    var output: String?
  }

  /// How many entries are kept, and how many bytes of text.
  static let capacity = 1000
  static let bytes = 1 << 20

  private var entries: [Entry] = []
  private var size = 0

  mutating func append(_ number: Int, _ input: String, output: String?) {
    entries.append(Entry(number: number, input: input, output: output))
    size += input.utf8.count + (output?.utf8.count ?? 0)
    while entries.count > History.capacity || (size > History.bytes && entries.count > 1) {
      let oldest = entries.removeFirst()
      size -= oldest.input.utf8.count + (oldest.output?.utf8.count ?? 0)
    }
  }

  /// The code of a cell, if it is still kept.
  func input(_ number: Int) -> String? { entries.last { $0.number == number }?.input }

  /// The content of `history_reply`. There is one session, number 1; 0 means the current one and so the same.
  func reply(to request: JSON) -> JSON {
    let wantsOutput = request["output"]?.bool ?? false
    let chosen: [Entry]
    switch request["hist_access_type"]?.string {
    case "range": chosen = range(request)
    case "search": chosen = search(request)
    default: chosen = Array(entries.suffix(max(0, Int(request["n"]?.int ?? 10))))
    }
    let list = chosen.map { entry -> JSON in
      let text: JSON = wantsOutput ? [.string(entry.input), JSON(entry.output)] : .string(entry.input)
      return [1, JSON(entry.number), text]
    }
    return ["status": "ok", "history": .array(list)]
  }

  private func range(_ request: JSON) -> [Entry] {
    guard [0, 1].contains(request["session"]?.int ?? 0) else { return [] }
    let start = request["start"]?.int ?? 0
    let stop = request["stop"]?.int ?? .max
    return entries.filter { $0.number >= start && $0.number < stop }
  }

  private func search(_ request: JSON) -> [Entry] {
    let pattern = request["pattern"]?.string ?? "*"
    var found = entries.filter { fnmatch(pattern, $0.input, 0) == 0 }
    if request["unique"]?.bool ?? false {
      var seen: Set<String> = []
      found = found.reversed().filter { seen.insert($0.input).inserted }.reversed()
    }
    if let count = request["n"]?.int { found = found.suffix(max(0, Int(count))) }
    return found
  }
}
