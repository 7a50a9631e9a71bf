// The fleet of a data test: kernels whose fields follow series, and pools that follow what is decided about them.

import FleetConfiguration
import FleetEngine
import LuaRuntime

struct DataFleet {
  struct Member {
    let name: String?
    let serial: Int
    var fields: [String: (field: DataField, since: Int)]
    /// Of a kernel that a pool has made.
    var readyAt: Instant?
    var isDraining = false
    let origin: DataKernel
  }

  private(set) var members: [Member] = []
  private var lastSerial = 0
  /// Kernels that a pool has made are like its last one.
  private var templates: [String: DataKernel] = [:]
  private let file: String

  init(_ kernels: [DataKernel], file: String) {
    self.file = file
    for kernel in kernels { add(kernel, step: 0) }
  }

  mutating func add(_ kernel: DataKernel, step: Int) {
    let given = kernel.fields.first { $0.key == "name" }?.field.value(at: 0).text
    let pool = kernel.fields.first { $0.key == "pool" }?.field.value(at: 0).text
    if let pool { templates[pool] = kernel }
    let first = kernel.count > 1 || given == nil ? 1 + members.count { $0.pool == pool && pool != nil } : 0
    for index in 0..<kernel.count {
      let name = given.map { kernel.count > 1 ? "\($0)-\(index + 1)" : $0 } ?? pool.map { "\($0)-\(first + index)" }
      append(kernel, name, step, readyAt: nil)
    }
  }

  private mutating func append(_ kernel: DataKernel, _ name: String?, _ step: Int, readyAt: Instant?) {
    lastSerial += 1
    var member = Member(name: name, serial: lastSerial, fields: [:], readyAt: readyAt, origin: kernel)
    // What a pool makes is new: nobody has it.
    let others = readyAt == nil ? [] : ["clients", "connections", "sessions", "status", "crashes", "restarts", "uuid"]
    for (key, field) in kernel.fields where !others.contains(key) {
      member.fields[key] = (field, readyAt == nil ? step : 0)
    }
    if let name { member.fields["name"] = (.constant(.text(name)), 0) }
    members.append(member)
  }

  // MARK: Events

  private func index(of name: String) -> Int? {
    members.firstIndex { $0.name == name || "kernel-" + KernelFields.uuid($0.serial).prefix(8) == name }
  }

  /// False if there is no such kernel.
  mutating func set(_ name: String, _ fields: [(key: String, field: DataField)], step: Int) -> Bool {
    guard let index = index(of: name) else { return false }
    for (key, field) in fields { members[index].fields[key] = (field, step) }
    return true
  }

  mutating func remove(_ name: String) -> Bool {
    guard let index = index(of: name) else { return false }
    members.remove(at: index)
    return true
  }

  var names: [String] { members.compactMap(\.name) }

  // MARK: Rows

  func rows(step: Int, now: Instant) throws(ConfigurationError) -> [KernelRow] {
    var rows: [KernelRow] = []
    for member in members { rows.append(try row(member, step, now)) }
    return rows
  }

  private func row(_ member: Member, _ step: Int, _ now: Instant) throws(ConfigurationError) -> KernelRow {
    var table = LuaTable()
    for (key, (field, since)) in member.fields.sorted(by: { $0.key < $1.key }) {
      let value = field.value(at: max(0, step - since))
      if value != .nil { table.pairs.append(LuaTable.Pair(.text(key), value)) }
    }
    do throws(ToolError) {
      var row = try KernelFields.row(.table(table), serial: member.serial)
      if let readyAt = member.readyAt {
        let answers = now >= readyAt
        row.readyAt = answers ? readyAt : nil
        if row.status == Status.idle.rawValue {
          row.idleSince = answers ? readyAt : nil
          if !answers { row.status = Status.starting.rawValue }
        }
      }
      if member.isDraining { row.status = Status.stopping.rawValue }
      return row
    } catch {
      let key = member.origin.positions.keys.sorted { $0.count > $1.count }.first {
        error.description.hasPrefix("kernel.\($0)") || error.description.contains("\"\($0)\"")
      }
      let position = key.flatMap { member.origin.positions[$0] } ?? member.origin.position
      throw ConfigurationError(.badValue, error.description, file: file, at: position)
    }
  }

  // MARK: Pools

  /// Brings a pool to a number of kernels, as a host would: new ones are like its last, those with clients stay until
  /// their clients have left.
  mutating func follow(_ pool: DataPool, wanted: Int, retire: [String], rows: [KernelRow], step: Int, now: Instant) {
    let name = pool.pool.name
    let alive = rows.filter { $0.pool == name && $0.status != Status.stopping.rawValue }
    if wanted > alive.count {
      let template =
        templates[name]
        ?? DataKernel(
          count: 1, fields: [("pool", .constant(.text(name)))], position: pool.position, positions: [:])
      for _ in alive.count..<wanted {
        append(template, "\(name)-\(lastSerial + 1)", step, readyAt: now + pool.startDelay)
      }
    }
    let named = alive.filter { retire.contains($0.id) || retire.contains($0.uuid) || retire.contains($0.name ?? "") }
    let others = alive.filter { row in !named.contains { $0.uuid == row.uuid } }
    let order = named + others.sorted { ($0.clients, -$0.serial) < ($1.clients, -$1.serial) }
    for row in order.prefix(max(0, alive.count - wanted)) {
      if let index = members.firstIndex(where: { $0.serial == row.serial }) { members[index].isDraining = true }
    }
    let gone = Set(rows.filter { $0.status == Status.stopping.rawValue && $0.clients == 0 }.map(\.serial))
    members.removeAll { $0.isDraining && gone.contains($0.serial) }
  }
}

extension DataFleet.Member {
  fileprivate var pool: String? { fields["pool"]?.field.value(at: 0).text }
}
