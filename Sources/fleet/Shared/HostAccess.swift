// A command's way to its host, which is started when none runs.
import FleetClient
import FleetConfiguration
import JSON

struct HostAccess {
  let directory: FleetDirectory
  let client: FleetClient
  var locator: Locator { Locator(fleetDirectory: directory.path) }

  /// - Throws: `insecure` if somebody else could have put a socket there.
  init(_ options: DirectoryOptions) throws {
    directory = try options.directory()
    _ = try directory.check()
    client = FleetClient(socketPath: directory.socket)
  }

  /// Asks the host; without one, starts it, says so, and asks again.
  /// - Parameter task: what is said to be going on when it takes longer than a second.
  func ask<Answer>(
    _ task: String = "asking the host", _ body: (FleetClient) throws(FleetClientError) -> Answer
  ) throws -> Answer {
    try Progress.during(task) {
      do {
        return try body(client)
      } catch let error as FleetClientError where error.isHostUnreachable {
        try startHost()
        return try body(client)
      } catch FleetClientError.timedOut(let limit) {
        guard let shortage = HostDescriptors(directory)?.shortage else { throw FleetClientError.timedOut(after: limit) }
        throw CommandFailure(.failed, "\(shortage); \(HostDescriptors.remedy)")
      }
    }
  }

  /// The same for a question about one kernel; an unknown one is answered with the nearest name.
  func ask<Answer>(
    about kernel: String, _ task: String = "asking the host",
    _ body: (FleetClient) throws(FleetClientError) -> Answer
  ) throws -> Answer {
    do {
      return try ask(task, body)
    } catch let error as FleetClientError where error.code == "kernel_not_found" {
      throw CommandFailure(.notFound, KernelNames.missing(kernel, client))
    }
  }

  /// The same for a request that may start a kernel. A host sees the kernelspecs of the environment that it was started
  /// in; one that is installed here and not there is told so.
  func ask<Answer>(
    for request: JSON, _ task: String, _ body: (FleetClient) throws(FleetClientError) -> Answer
  ) throws -> Answer {
    do {
      return try ask(task, body)
    } catch let error as FleetClientError where error.code == "kernelspec_not_found" {
      guard let spec = MachineCatalog.find(request, directory) else { throw error }
      throw CommandFailure(
        .notFound,
        "the kernelspec \"\(spec.name)\" is installed here, but not where the host was started; start the host "
          + "from here, with fleet down and fleet up (kernels go on meanwhile)")
    }
  }

  /// The kernel's document.
  func kernel(_ name: String) throws -> KernelDocument {
    KernelDocument(try ask(about: name) { client throws(FleetClientError) in try client.kernel(name) }["kernel"] ?? [:])
  }

  /// As the last one was started, if that one died.
  private func startHost() throws {
    let last = try LastHost.read(directory)
    let starter = HostStarter(
      directory: directory, configurationFile: last?.configurationFile,
      http: last?.httpOption)
    let outcome: HostStarter.Outcome
    do { outcome = try starter.start() } catch let failure as CommandFailure {
      guard let last else { throw failure }
      throw CommandFailure(
        code: failure.status,
        "\(failure.message ?? "the host did not start"); it was to have \(last.options), as the one that died had: "
          + "start another with fleet up")
    }
    guard case .started(let pid) = outcome else { return }
    let options = last.map { " with \($0.options), as the one that died had" } ?? ""
    Output.note("started a host (pid \(pid)) in \(directory.path)\(options); fleet down ends it")
    // Whatever it cannot say, the command's own question will.
    if let health = try? client.health() { Output.noteDamage(health) }
  }
}

/// Names of kernels for "did you mean" and for the shell's completion.
enum KernelNames {
  static func missing(_ kernel: String, _ client: FleetClient) -> String {
    // A second failure would only hide the first: then there are no names to offer.
    let names = (try? client.kernels()).map(all) ?? []
    guard !names.isEmpty else { return "there is no kernel \"\(kernel)\", nor any other; start one with fleet spawn" }
    let near = NearestName.of(kernel, among: names)
    return "there is no kernel \"\(kernel)\"; " + (near.map { "did you mean \"\($0)\"?" } ?? "see fleet list")
  }

  /// Starts nothing and waits for nobody: the user has just pressed Tab.
  static func forCompletion() -> [String] {
    guard let directory = try? FleetDirectory.choose(), (try? directory.check()) == true else { return [] }
    let client = FleetClient(socketPath: directory.socket)
    return (try? client.call("GET", "/kernels", timeout: .milliseconds(300))).map(all) ?? []
  }

  private static func all(_ document: JSON) -> [String] {
    let kernels = KernelDocument.list(document)
    return kernels.compactMap(\.name) + kernels.map(\.id)
  }
}
