// Connection files on disk: what is written, what is read, and what is refused with which words.
import Glibc
import JSON
import Testing

@testable import JupyterProtocol

@Suite struct ConnectionFileTests {
  @Test func roundTripKeepsEveryField() throws {
    try withTemporaryDirectory { directory in
      var file = ConnectionFile.make(basePort: 9555, key: "secret", kernelName: "lua")
      file.others["jupyter_session"] = "notebook.ipynb"
      let path = directory + "/kernel.json"
      try file.write(to: path)
      #expect(try ConnectionFile(reading: path) == file)
      #expect(file.heartbeatPort == 9559)
      #expect(file.endpoint(.stdin) == "tcp://127.0.0.1:9557")
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func replacesAnOlderFileAndLeavesNothingBeside() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/kernel.json"
      try ConnectionFile.make(basePort: 1000, key: "a").write(to: path)
      try ConnectionFile.make(basePort: 2000, key: "b").write(to: path)
      #expect(try ConnectionFile(reading: path).shellPort == 2000)
      #expect(listing(directory) == ["kernel.json"])
    }
  }

  @Test func readsWhatJupyterWrites() throws {
    let text = """
      {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5, "ip": "/tmp/k",
       "key": "", "transport": "ipc", "signature_scheme": "hmac-sha256", "kernel_name": "python3", "extra": [1]}
      """
    let file = try ConnectionFile(json: JSON(parsing: text), path: "x.json")
    #expect(file.endpoint(.shell) == "ipc:///tmp/k-1")
    #expect(file.others == ["extra": [1]])
  }

  @Test func addressesOfVersionSixAreBracketed() {
    #expect(ConnectionFile.make(ip: "::1", basePort: 7, key: "").endpoint(.shell) == "tcp://[::1]:7")
    #expect(ConnectionFile.make(basePort: 0, key: "").endpoint(.control) == "tcp://127.0.0.1:*")
  }

  @Test(arguments: [
    ("{", "invalid JSON"),
    ("[]", "must hold a JSON object, not an array"),
    (#"{"iopub_port":1}"#, "shell_port is missing"),
    (#"{"shell_port":"1"}"#, "shell_port must be a port number"),
    (#"{"shell_port":70000}"#, "shell_port must be a port number"),
    (#"{"transport":"udp"}"#, "transport “udp” is neither tcp nor ipc"),
    (#"{"signature_scheme":"hmac-md5"}"#, "signature_scheme “hmac-md5” is not supported"),
    (#"{"key":5}"#, "key must be a string, not a number"),
  ])
  func saysWhatIsWrongAndWhere(text: String, problem: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/bad.json"
      try write(text, to: path)
      let error = #expect(throws: ConnectionFileError.self) { try ConnectionFile(reading: path) }
      #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
      #expect(error?.description.hasPrefix("connection file \(path): ") == true)
    }
  }

  @Test func missingFileAndDirectory() throws {
    try withTemporaryDirectory { directory in
      let error = #expect(throws: ConnectionFileError.self) { try ConnectionFile(reading: directory + "/none.json") }
      #expect(error?.code == ENOENT)
      #expect(throws: ConnectionFileError.self) {
        try ConnectionFile.make(basePort: 1, key: "").write(to: directory + "/no/such/file.json")
      }
    }
  }
}
