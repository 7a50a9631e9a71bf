// Rows that persist in a sandbox: read-only records that the host changes in place, and decisions over them.

import CLua

/// What rows and requests consist of, and when a row can serve a request.
public struct LuaSchema: Sendable {
  /// What a field of the request demands of a field of the row; nothing if the request does not have it.
  public enum Rule: Sendable {
    /// The row has the requested value.
    case equal(request: String, row: String)
    /// The row has the last part of the requested path, with `.toml` added if it had none.
    case fileName(request: String, row: String)
    /// The row's number is no less than the requested one, or the row has none.
    case atLeast(request: String, row: String)
    /// The row's table has all pairs of the requested one.
    case includes(request: String, row: String)
    /// A row whose list has the requested value is the only one that matches, if there is one. At most one such rule,
    /// about the last field of the request.
    case prefers(request: String, row: String)
  }

  /// The first one is a string that names the row to people: what `tostring` of a row gives.
  public var rowFields: [String]
  public var requestFields: [String]
  /// The fields of other things that functions are asked about.
  public var views: [[String]]
  public var rules: [Rule]
  /// Only rows with one of these values in this field match any request.
  public var eligible: (field: String, values: [String])
  /// A row's string that never changes and that no other row has: what the host calls it.
  public var keyField: String
  /// A row's number that never changes and that no other row has: sets of rows are in its order.
  public var orderField: String

  public init(
    rowFields: [String], requestFields: [String], views: [[String]] = [], rules: [Rule],
    eligible: (field: String, values: [String]), keyField: String, orderField: String
  ) {
    self.rowFields = rowFields
    self.requestFields = requestFields
    self.views = views
    self.rules = rules
    self.eligible = eligible
    self.keyField = keyField
    self.orderField = orderField
  }

  private func row(_ name: String) -> Int32 { Self.index(of: name, in: rowFields) }

  private static func index(of name: String, in fields: [String]) -> Int32 {
    guard let index = fields.firstIndex(of: name) else { preconditionFailure("no field '\(name)' in the schema") }
    return Int32(index)
  }

  private func encoded(_ rule: Rule) -> clua_rule {
    let (kind, request, row): (clua_rule_kind, String, String) =
      switch rule {
      case .equal(let request, let row): (CLUA_RULE_EQUAL, request, row)
      case .fileName(let request, let row): (CLUA_RULE_FILE_NAME, request, row)
      case .atLeast(let request, let row): (CLUA_RULE_AT_LEAST, request, row)
      case .includes(let request, let row): (CLUA_RULE_INCLUDES, request, row)
      case .prefers(let request, let row): (CLUA_RULE_PREFERS, request, row)
      }
    return clua_rule(kind: kind, request_field: Self.index(of: request, in: requestFields), row_field: self.row(row))
  }

  fileprivate func withC<Result>(_ body: (inout clua_schema) -> Result) -> Result {
    Self.withNames(rowFields) { row_fields in
      Self.withViews([requestFields] + views, []) { views in
        rules.map(encoded).withUnsafeBufferPointer { rules in
          LuaEncoder(eligible.values.map { .text($0) }).withBytes { values in
            var schema = clua_schema(
              row_fields: row_fields, row_count: Int32(rowFields.count), views: views.baseAddress!,
              view_count: Int32(views.count), rules: rules.baseAddress!, rule_count: Int32(rules.count),
              eligible_field: row(eligible.field), eligible: values, key_field: row(keyField),
              order_field: row(orderField))
            return body(&schema)
          }
        }
      }
    }
  }

  private static func withNames<Result>(_ fields: [String], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    // Never empty: each name ends with a zero, and so does what no name is in.
    (fields.flatMap { Array($0.utf8CString) } + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  private static func withViews<Result>(
    _ rest: [[String]], _ views: [clua_view], _ body: (UnsafeBufferPointer<clua_view>) -> Result
  ) -> Result {
    guard let fields = rest.first else { return views.withUnsafeBufferPointer(body) }
    return withNames(fields) { names in
      withViews(Array(rest.dropFirst()), views + [clua_view(fields: names, count: Int32(fields.count))], body)
    }
  }
}

extension LuaState {
  /// Gives a sandboxed state rows, once.
  public func openRows(_ schema: LuaSchema) throws(LuaError) {
    try check(schema.withC { clua_rows_open(vm, &$0) })
  }

  /// Adds a row, or changes the one with the same key in place.
  /// - Parameter values: one for each field of the schema, in its order.
  public func putRow(_ values: LuaEncoder) throws(LuaError) {
    try check(values.withBytes { clua_row_put(vm, $0) })
  }

  /// Removes a row; nothing if there is none.
  public func removeRow(_ key: String) throws(LuaError) {
    try check(withKey(key) { clua_row_remove(vm, $0) })
  }

  /// Calls `function([row,] [view,] fleet)`. Its results are read where they lie, before anything else is done with the
  /// state.
  /// - Parameters:
  ///   - row: the key of a row; without one there is no such argument.
  ///   - view: 0 is the request, 1 the first of the schema's views; without one there is no such argument.
  ///   - fields: one value for each field of the view, in the schema's order.
  ///   - now: what the function `now()` returns.
  ///   - deadline: in nanoseconds of CLOCK_MONOTONIC.
  public func decide(
    _ function: LuaFunction, row: String? = nil, view: Int? = 0, _ fields: LuaEncoder, now: Double, deadline: Int64
  ) throws(LuaError) -> LuaReader {
    precondition(function.state === self, "a function belongs to the state that it was made in")
    let status = fields.withBytes { fields in
      var question = clua_question(
        function: function.reference, row: clua_bytes(start: nil, count: 0), view: Int32(view ?? -1), fields: fields,
        now: now, deadline: deadline)
      guard let row else { return clua_decide(vm, &question) }
      return withKey(row) {
        question.row = $0
        return clua_decide(vm, &question)
      }
    }
    if status != CLUA_OK { try check(status) }
    return LuaReader(clua_results(vm))
  }

  /// The table `memory` as bytes; what is no plain data is left out.
  public func savedMemory() throws(LuaError) -> [UInt8] {
    try check(clua_memory_save(vm))
    let bytes = clua_results(vm)
    return Array(UnsafeBufferPointer(start: bytes.start, count: bytes.count))
  }

  /// Puts what was saved into `memory`, over what is there.
  /// - Throws: if the bytes are damaged, or there is no room; some of it may be missing then.
  public func restoreMemory(_ saved: [UInt8]) throws(LuaError) {
    try check(
      saved.withUnsafeBufferPointer { clua_memory_restore(vm, clua_bytes(start: $0.baseAddress, count: $0.count)) })
  }

  /// Some microseconds of garbage collection, if there is enough to collect; true if there is more to do. Called
  /// between decisions, it keeps collecting out of them.
  public func collectSome() -> Bool { clua_collect_some(vm) }

  /// What decisions are compared with.
  public enum Baseline: Sendable {
    /// Plain C, which makes a table of the request, calls, and copies the answer and the reason.
    case plainC
    /// Only the call: the request is there already, and nobody looks at the results.
    case callOnly
  }

  /// How long `count` calls of the same function with the same rows take; zero if one of them fails.
  public func time(_ baseline: Baseline, _ function: LuaFunction, _ request: LuaEncoder, count: Int) -> Duration {
    let kind = baseline == .plainC ? CLUA_BASELINE_PLAIN : CLUA_BASELINE_CALL
    return .nanoseconds(
      request.withBytes { clua_time_baseline(vm, function.reference, $0, kind, Int64(count)) })
  }

  /// How long `count` calls of the function that a chunk returns take in plain Lua, without any of our care; zero if it
  /// fails.
  public static func timePlain(_ source: [UInt8], count: Int) -> Duration {
    .nanoseconds(
      source.withUnsafeBufferPointer {
        clua_time_plain(clua_bytes(start: $0.baseAddress, count: $0.count), Int64(count))
      })
  }

  /// Resident bytes of the process, for measurements.
  public static var residentBytes: Int { clua_resident() }

  private func withKey<Result>(_ key: String, _ body: (clua_bytes) -> Result) -> Result {
    var key = key
    return key.withUTF8 { body(clua_bytes(start: $0.baseAddress, count: $0.count)) }
  }
}

/// Nanoseconds of CLOCK_MONOTONIC, which deadlines are measured by.
public func luaNow() -> Int64 { clua_now() }
