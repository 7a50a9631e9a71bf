// Measures the figures that the project aims at, as ratios in one run: fleet-benchmarks DIRECTORY [--effort N] [NAME…]
import Foundation

@main
enum Main {
  private static var benchmarks: [any Benchmark.Type] {
    [
      SpawnBenchmark.self, ExecuteBenchmark.self, IdleBenchmark.self, DecisionBenchmark.self, HelperBenchmark.self,
      RedisBenchmark.self, ListBenchmark.self, WebSocketBenchmark.self, GatewayBenchmark.self, SlowBenchmark.self,
      SyncBenchmark.self, RecoveryBenchmark.self, KernelBenchmark.self, LimitsBenchmark.self, NeighboursBenchmark.self,
      MetricsBenchmark.self,
    ]
  }

  private static var usage: String {
    let names = benchmarks.map { "  \($0.name.padded(to: 10))\($0.summary)" }.joined(separator: "\n")
    return "usage: fleet-benchmarks DIRECTORY-OF-EXECUTABLES [--effort N] [NAME…]\n\(names)\n"
  }

  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if arguments.first == EchoKernel.command { return try EchoKernel.run(Array(arguments.dropFirst())) }
      let effort = try take("--effort", from: &arguments)
      guard !arguments.isEmpty else { return complain(usage, 2) }
      let chosen = try choose(Array(arguments.dropFirst()))
      let setting = Setting(executables: try Executables(directory: arguments[0]), effort: effort ?? 1)
      var report = Report()
      for benchmark in chosen {
        report.title(benchmark.name, benchmark.summary)
        try benchmark.run(setting, &report)
      }
      report.printTable()
    } catch {
      complain("fleet-benchmarks: \(error)\n", 1)
    }
  }

  private static func choose(_ names: [String]) throws -> [any Benchmark.Type] {
    if names.isEmpty { return benchmarks }
    return try names.map { name in
      guard let benchmark = benchmarks.first(where: { $0.name == name }) else {
        throw Failure("there is no benchmark \"\(name)\"\n\(usage)")
      }
      return benchmark
    }
  }

  private static func take(_ option: String, from arguments: inout [String]) throws -> Double? {
    guard let index = arguments.firstIndex(of: option) else { return nil }
    guard index + 1 < arguments.count, let value = Double(arguments[index + 1]), value > 0 else {
      throw Failure("\(option) takes a number above 0")
    }
    arguments.removeSubrange(index...index + 1)
    return value
  }

  private static func complain(_ text: String, _ code: Int32) {
    FileHandle.standardError.write(Data(text.utf8))
    exit(code)
  }
}
