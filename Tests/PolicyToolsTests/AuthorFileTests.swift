import PolicyTools
import Testing

@Test func aFileIsNamedByItsLastComponent() {
  #expect(AuthorFile(path: "policies/least_loaded.lua", text: "").name == "least_loaded.lua")
  #expect(AuthorFile(path: "x.lua", text: "").name == "x.lua")
}
