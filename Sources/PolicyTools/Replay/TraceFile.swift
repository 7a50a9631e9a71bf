// Recorded traces as files.
import FleetConfiguration
import FleetDocuments
import FleetEngine
import Glibc
import JSON

public enum TraceFile {
  /// Larger than any record that a host keeps.
  private static let largest = 4 << 30

  /// - Throws: `ToolError` if the file cannot be read, or is no trace.
  public static func read(_ path: String) throws(ToolError) -> Trace {
    let bytes = try contents(of: path)
    do {
      return try TraceDocument.decode(try JSON(parsing: bytes))
    } catch {
      throw ToolError("\(path) is no recorded trace: \(error); policy record and policy simulate --trace write them")
    }
  }

  private static func contents(of path: String) throws(ToolError) -> [UInt8] {
    guard let file = fopen(path, "re") else {
      throw ToolError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while bytes.count <= largest {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 {
        guard ferror(file) == 0 else { break }
        return bytes
      }
      bytes += chunk[..<count]
    }
    throw ToolError("\(path) cannot be read as a file")
  }
}
