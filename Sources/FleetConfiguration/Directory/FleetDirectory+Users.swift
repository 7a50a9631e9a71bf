// The way into a fleet directory for kernels that do not run as the host's user.
import Glibc

extension FleetDirectory {
  /// Lets kernels of `users` pass through the directory, in which everything that is not theirs stays closed to them.
  /// - Throws: `insecure` when they could not get there, or this user may not give them anything.
  public func admit(_ users: UIDRange) throws(ConfigurationError) {
    try checkWay(users)
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw refusal("\(path) cannot be opened: \(SystemError.text(errno))") }
    defer { close(descriptor) }
    guard fchown(descriptor, .max, users.first) == 0, fchmod(descriptor, 0o710) == 0 else {
      throw refusal(
        "\(path) cannot be given to group \(users.first): \(SystemError.text(errno)); only root can do that")
    }
  }

  /// Files that their owner put into the directory, and that kernels of other users can read: they hold addresses, and
  /// keys sometimes.
  public var openFiles: [String] {
    [configurationFile, path + "/tokens.toml"].filter { file in
      var status = stat()
      return stat(file, &status) == 0 && status.st_mode & 0o004 != 0
    }
  }

  /// They need not read the directories above, but go through them. What is missing is not looked at.
  /// - Throws: `insecure` when they cannot.
  public func checkWay(_ users: UIDRange) throws(ConfigurationError) {
    guard getgrgid(users.first) == nil else {
      throw refusal("the group \(users.first) belongs to others; choose another range")
    }
    // Where its links lead.
    let end = realpath(path, nil)
    defer { free(end) }
    var place = FilePath.directory(of: end.map { String(cString: $0) } ?? path)
    while true {
      var status = stat()
      guard stat(place, &status) != 0 || status.st_mode & 0o001 != 0 else {
        throw refusal(
          "kernels of other users cannot get to \(path), because \(place) is closed to them; "
            + "choose a fleet directory such as /var/lib/fleet with --fleet-dir")
      }
      if place == "/" { return }
      place = FilePath.directory(of: place)
    }
  }

  private func refusal(_ why: String) -> ConfigurationError { ConfigurationError(.insecure, "uid_range: \(why)") }
}
