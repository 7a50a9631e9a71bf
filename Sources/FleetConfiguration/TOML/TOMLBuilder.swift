// Tables while a document is read: which of them may still be added to, and by what, is most of TOML's grammar.

/// How a table came to be, which decides who may add to it.
enum TOMLOrigin {
  /// Only as a part of a longer header; its own header may still follow.
  case implied
  /// By its own header.
  case header
  /// By a dotted key; further dotted keys of the same section may add to it, a header may not.
  case dotted
  /// `{…}`: complete as written.
  case inline
}

final class TOMLTableBuilder {
  enum Entry {
    case value(TOMLNode.Content)
    case table(TOMLTableBuilder)
    case tables([TOMLTableBuilder])
  }

  var origin: TOMLOrigin
  /// Of the header of an element `[[…]]`.
  private(set) var start: SourcePosition?
  private(set) var keys: [(name: String, position: SourcePosition)] = []
  private var entries: [String: Entry] = [:]
  private var positions: [String: SourcePosition] = [:]

  init(_ origin: TOMLOrigin, at start: SourcePosition? = nil) {
    self.origin = origin
    self.start = start
  }

  subscript(key: String) -> Entry? { entries[key] }

  func position(of key: String) -> SourcePosition? { positions[key] }

  func set(_ key: String, _ entry: Entry, at position: SourcePosition) {
    if entries.updateValue(entry, forKey: key) == nil {
      keys.append((key, position))
      positions[key] = position
    }
  }

  func frozen() -> TOMLTable {
    var table = TOMLTable()
    for (key, position) in keys {
      switch entries[key] {
      case .value(let content): table.append(key, TOMLNode(content, at: position))
      case .table(let inner): table.append(key, TOMLNode(.table(inner.frozen()), at: position))
      case .tables(let list):
        let nodes = list.map { TOMLNode(.table($0.frozen()), at: $0.start ?? position) }
        table.append(key, TOMLNode(.array(nodes), at: position))
      case nil: break  // keys and entries are only ever set together
      }
    }
    return table
  }
}

/// A part of a dotted key and where it stands.
struct TOMLKeyPart {
  let name: String
  let position: SourcePosition
}

extension TOMLTableBuilder {
  /// The table that a header's parents lead to, made where they are new.
  func descend(header parents: ArraySlice<TOMLKeyPart>) throws(TOMLError) -> TOMLTableBuilder {
    var table = self
    for part in parents {
      switch table[part.name] {
      case nil:
        let made = TOMLTableBuilder(.implied)
        table.set(part.name, .table(made), at: part.position)
        table = made
      case .table(let inner) where inner.origin != .inline: table = inner
      case .tables(let list): table = list[list.count - 1]
      case .value, .table: throw table.closed(part)
      }
    }
    return table
  }

  /// The table that the keys before the last one of a dotted key lead to.
  func descend(dotted parents: ArraySlice<TOMLKeyPart>) throws(TOMLError) -> TOMLTableBuilder {
    var table = self
    for part in parents {
      switch table[part.name] {
      case nil:
        let made = TOMLTableBuilder(.dotted)
        table.set(part.name, .table(made), at: part.position)
        table = made
      case .table(let inner) where inner.origin == .dotted || inner.origin == .implied:
        inner.origin = .dotted
        table = inner
      default: throw table.closed(part)
      }
    }
    return table
  }

  /// `[a.b]`: the table `b`, which must not have been defined before.
  func open(header part: TOMLKeyPart) throws(TOMLError) -> TOMLTableBuilder {
    switch self[part.name] {
    case nil:
      let made = TOMLTableBuilder(.header)
      set(part.name, .table(made), at: part.position)
      return made
    case .table(let table) where table.origin == .implied:
      table.origin = .header
      return table
    default: throw duplicate(part)
    }
  }

  /// `[[a.b]]`: one more element of the array `b`.
  func open(element part: TOMLKeyPart) throws(TOMLError) -> TOMLTableBuilder {
    let made = TOMLTableBuilder(.header, at: part.position)
    switch self[part.name] {
    case nil: set(part.name, .tables([made]), at: part.position)
    case .tables(let list): set(part.name, .tables(list + [made]), at: part.position)
    default: throw duplicate(part)
    }
    return made
  }

  func duplicate(_ part: TOMLKeyPart) -> TOMLError {
    let first = position(of: part.name).map { " (first on line \($0.line))" } ?? ""
    return TOMLError(message: "\"\(part.name)\" is defined twice\(first)", position: part.position)
  }

  private func closed(_ part: TOMLKeyPart) -> TOMLError {
    let first = position(of: part.name).map { ", defined on line \($0.line)," } ?? ""
    return TOMLError(message: "\"\(part.name)\"\(first) cannot be added to", position: part.position)
  }
}
