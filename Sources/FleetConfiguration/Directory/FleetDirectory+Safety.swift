// Making a fleet directory, and refusing one that somebody else could change under us.
import Glibc

extension FleetDirectory {
  /// Makes the directory and its `logs` (0700) if they are missing, and checks what is there.
  /// - Throws: `insecure` if it belongs to somebody else or is reached through a link that another user controls.
  public func prepare() throws(ConfigurationError) {
    try FilePath.refuseForeignLinks(path)
    try makeDirectories(path)
    try checkOwner()
    guard mkdir(logs, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make \(logs)", errno) }
    try refuseStrangeFiles()
  }

  /// Files that the host opens to write: a link would lead elsewhere, and a pipe would hold it up.
  private func refuseStrangeFiles() throws(ConfigurationError) {
    try refuse(logs, unless: S_IFDIR, "a directory")
    for path in [database, decisions, metrics, silences, pidFile, logFile] {
      try refuse(path, unless: S_IFREG, "a regular file")
    }
    try refuse(policyStore, unless: S_IFDIR, "a directory")
  }

  private func refuse(_ path: String, unless kind: mode_t, _ what: String) throws(ConfigurationError) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT != kind else { return }
    let found = status.st_mode & S_IFMT == S_IFLNK ? "a symbolic link" : "something else"
    throw ConfigurationError(
      .insecure, "\(path) must be \(what) and is \(found); move it away, or choose another fleet directory")
  }

  /// Checks a directory that may be missing, without making or changing anything.
  /// - Returns: whether it exists.
  public func check() throws(ConfigurationError) -> Bool {
    try FilePath.refuseForeignLinks(path)
    var status = stat()
    if stat(path, &status) != 0 {
      guard errno == ENOENT || errno == ENOTDIR else { throw failure("cannot look at \(path)", errno) }
      return false
    }
    try refuse(status)
    return true
  }

  private func makeDirectories(_ path: String) throws(ConfigurationError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, path != "/" else { throw failure("cannot make the fleet directory \(path)", errno) }
    try makeDirectories(FilePath.directory(of: path))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw failure("cannot make the fleet directory \(path)", errno)
    }
  }

  private func checkOwner() throws(ConfigurationError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open the fleet directory \(path)", errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot look at \(path)", errno) }
    try refuse(status)
    guard Self.isOpen(status) else { return }
    // Closed to others only if it is plainly ours: nobody wants a home or project directory changed by a typing mistake.
    let names = FilePath.entries(of: path)
    guard names.isEmpty || names.contains(where: { ["fleet.db", "fleet.pid", "fleet.toml", "logs"].contains($0) })
    else {
      throw ConfigurationError(
        .insecure, "\(path) is open to other users and holds other files; choose an empty directory or chmod 700 it")
    }
    guard fchmod(descriptor, 0o700) == 0 else { throw failure("cannot close \(path) to other users", errno) }
  }

  /// Whether others can do anything in a directory. Kernels with users of their own pass through it (0710) by a group
  /// that has no name, so that nobody else is in it.
  public static func isOpen(_ status: stat) -> Bool {
    if status.st_mode & 0o077 == 0o010, getgrgid(status.st_gid) == nil { return false }
    return status.st_mode & 0o077 != 0
  }

  private func refuse(_ status: stat) throws(ConfigurationError) {
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw ConfigurationError(.insecure, "\(path) is no directory; choose another with --fleet-dir")
    }
    guard status.st_uid == geteuid() else {
      throw ConfigurationError(
        .insecure, "\(path) belongs to \(FilePath.user(status.st_uid)); choose a directory of your own with --fleet-dir"
      )
    }
  }

  private func failure(_ what: String, _ code: Int32) -> ConfigurationError {
    ConfigurationError(.unreadable, "\(what): \(SystemError.text(code)); choose another with --fleet-dir")
  }
}

extension FilePath {
  static func user(_ id: uid_t) -> String { userName(id).map { "the user \($0)" } ?? "user \(id)" }

  /// Nil when no list of users has it.
  package static func userName(_ id: uid_t) -> String? {
    var (entry, found): (passwd, UnsafeMutablePointer<passwd>?) = (passwd(), nil)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { room in
      getpwuid_r(id, &entry, room.baseAddress!, room.count, &found)
      return found?.pointee.pw_name.map { String(cString: $0) }
    }
  }

  /// Follows a path by hand: a link is taken only if neither it nor the directory it stands in is another user's.
  static func refuseForeignLinks(_ path: String) throws(ConfigurationError) {
    var pending = Array(path.split(separator: "/").reversed()).map(String.init)
    var reached = ""
    var links = 0
    while let name = pending.popLast() {
      if name == "." { continue }
      if name == ".." {
        reached = reached.isEmpty ? "" : String(reached[..<(reached.lastIndex(of: "/") ?? reached.startIndex)])
        continue
      }
      let next = "\(reached)/\(name)"
      var status = stat()
      guard lstat(next, &status) == 0 else { return }  // what is missing will be made by us
      guard status.st_mode & S_IFMT == S_IFLNK else {
        reached = next
        continue
      }
      links += 1
      guard links <= 40 else { throw ConfigurationError(.insecure, "\(path) leads through too many symbolic links") }
      try refuseForeign(link: next, status, in: reached.isEmpty ? "/" : reached)
      let target = readLink(next)
      if target.hasPrefix("/") { reached = "" }
      pending += target.split(separator: "/").reversed().map(String.init)
    }
  }

  private static func refuseForeign(link: String, _ status: stat, in parent: String) throws(ConfigurationError) {
    let trusted = [0, geteuid()]
    var owner: uid_t? = trusted.contains(status.st_uid) ? nil : status.st_uid
    var directory = stat()
    if owner == nil, stat(parent, &directory) == 0 {
      let open = directory.st_mode & S_IWOTH != 0 && directory.st_mode & S_ISVTX == 0
      if !trusted.contains(directory.st_uid) { owner = directory.st_uid }
      if open {
        throw ConfigurationError(
          .insecure, "\(link) is a symbolic link in a directory that anybody can write; name the directory itself")
      }
    }
    if let owner {
      throw ConfigurationError(
        .insecure, "\(link) is a symbolic link that \(user(owner)) controls; name the directory that it leads to")
    }
  }

  private static func readLink(_ path: String) -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      count = buffer.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { max(0, readlink(path, $0, text.count)) } ?? 0
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
