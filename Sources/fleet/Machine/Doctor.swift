// The checks of `fleet doctor`: programs and files of the installation, the fleet directory, the host, kernelspecs.
import FleetClient
import FleetConfiguration
import FleetServer
import Glibc
import JSON

struct Doctor {
  let directory: FleetDirectory

  func examine() -> [Finding] {
    let configuration = configuration()
    return installation() + fleetDirectory() + [configuration.finding] + tokens(configuration.value) + [host()]
      + kernelspecs(configuration.value)
      + system(configuration.value) + [ports(configuration.value)]
  }

  private func installation() -> [Finding] {
    let installation = Installation.current
    var findings: [Finding] = []
    for (program, purpose) in [("fleet-shim", "no kernel can be started"), ("fleet-kernel", "there is no Lua kernel")] {
      if let path = installation.program(program) {
        findings.append(.ok(program, path))
      } else {
        findings.append(
          .fail(
            program, "not beside \(installation.executable): \(purpose)", "install it there, or build it: make build"))
      }
    }
    if let shared = installation.sharedDirectory {
      findings.append(.ok("shipped files", shared))
    } else {
      findings.append(
        .warn("shipped files", "no configs and policies near \(installation.executable)", "install them: make install"))
    }
    return findings
  }

  private func fleetDirectory() -> [Finding] {
    let subject = "fleet directory"
    do {
      guard try directory.check() else {
        return [.ok(subject, "\(directory.path) will be made when a host starts")]
      }
    } catch {
      return [.fail(subject, "\(error)", "choose another with --fleet-dir or FLEET_HOME")]
    }
    var status = stat()
    stat(directory.path, &status)
    guard access(directory.path, W_OK | X_OK) == 0 else {
      return [.fail(subject, "\(directory.path) cannot be written", "chmod 700 \(directory.path)")]
    }
    if FleetDirectory.isOpen(status) {
      return [.warn(subject, "\(directory.path) is open to other users", "chmod 700 \(directory.path)")]
    }
    var space = statvfs()
    statvfs(directory.path, &space)
    let free = Int64(space.f_bavail) * Int64(space.f_frsize)
    guard free > 100 << 20 else {
      return [
        .warn(
          subject, "only \(ByteCount(bytes: free).spelled) are free in \(directory.path)",
          "make room: logs and state grow")
      ]
    }
    return [.ok(subject, "\(directory.path), yours alone, \(ByteCount(bytes: free).spelled) free")]
  }

  private func configuration() -> (finding: Finding, value: FleetConfiguration) {
    do {
      let configuration = try FleetConfiguration.load(
        named: nil, directory: directory, locator: Locator(fleetDirectory: directory.path))
      return (.ok("configuration", configuration.file ?? "no fleet.toml: defaults"), configuration)
    } catch {
      return (
        .fail(
          "configuration", "\(error)",
          "correct that line; with a host that runs, fleet status --config shows what is in force"), .init()
      )
    }
  }

  private func tokens(_ configuration: FleetConfiguration) -> [Finding] {
    guard let path = configuration.host.tokens else { return [] }
    do { return [.ok("tokens", "\(path), \(try TokenFile.check(path)) tokens")] } catch {
      return [
        .fail(
          "tokens", "\(error)", "correct it: a host that runs goes on with those it read last, also with removed ones")
      ]
    }
  }

  private func host() -> Finding {
    if let shortage = HostDescriptors(directory)?.shortage {
      return .fail("host", shortage, HostDescriptors.remedy)
    }
    do {
      let health = try FleetClient(socketPath: directory.socket).health(timeout: .seconds(5))
      let pid = health["pid"]?.int ?? 0
      let version = health["version"]?.string ?? "?"
      guard version == fleetVersion else {
        return .warn(
          "host", "pid \(pid) is version \(version), this is \(fleetVersion)", "fleet down && fleet up: kernels go on")
      }
      if let problem = health["storage_problem"]?.string {
        return .fail("host", "pid \(pid): \(problem)", "make room, or let it write: it tries again by itself")
      }
      if let aside = health["registry_set_aside"]?.string {
        return .warn(
          "host", "pid \(pid) found its registry damaged and adopted the kernels that lived; the old one is \(aside)",
          "compare it with fleet list, then remove it")
      }
      return .ok("host", "runs (pid \(pid)) and answers on \(directory.socket)")
    } catch  where error.isHostUnreachable {
      return noHost()
    } catch {
      return .fail("host", "\(error)", "see \(directory.logFile)")
    }
  }

  private func noHost() -> Finding {
    do throws(CommandFailure) {
      guard let last = try LastHost.read(directory) else {
        return .ok("host", "none runs; commands that need one start it")
      }
      return .warn(
        "host", "none runs; the last one died, and commands start one like it: \(last.options)",
        "fleet up starts another, fleet down forgets it")
    } catch {
      return .fail("host", error.message ?? "none runs, and none can be started", "fleet up")
    }
  }

  private func kernelspecs(_ configuration: FleetConfiguration) -> [Finding] {
    guard let catalog = try? MachineCatalog.load(directory) else { return [] }  // the configuration's finding says why
    var findings: [Finding] = []
    let missing = catalog.all.filter { $0.executable == nil }
    let startable = catalog.all.filter { $0.executable != nil }.map(\.name)
    let names = startable.joined(separator: ", ")
    findings.append(
      startable.isEmpty
        ? .fail(
          "kernelspecs", "there is nothing to start", "install fleet-kernel, or a Jupyter kernel such as ipykernel")
        : .ok("kernelspecs", names))
    for spec in missing {
      findings.append(
        .warn("kernelspec \(spec.name)", "\(spec.argv[0]) is not installed", "install it, or remove the kernelspec"))
    }
    for problem in catalog.problems {
      findings.append(.warn("kernelspec", "\(problem)", "correct or remove it; the others work"))
    }
    return findings
  }
}
