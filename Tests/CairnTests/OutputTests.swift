import Foundation
import Testing

@testable import Cairn

/// Where restored files go, and what is said of it.
@Suite struct OutputTests {
  private struct Refused: Error {}

  @Test func everyDirectoryThatLeadsToAFileIsMadeDurable() {
    let files = ["a/b/c/f", "a/b/c/g", "a/d/f", "top", "\u{E9}/f", "e\u{301}/f"]
    let directories = OutputDirectory.directories(of: files, in: "/r")
    let expected = ["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a/d", "/r/\u{E9}", "/r/e\u{301}"]
    #expect(Set(directories.map { Array($0.utf8) }) == Set(expected.map { Array($0.utf8) }))
    #expect(directories.count == expected.count)
    #expect(directories.first == "/r/a/b/c" && directories.last == "/r")
    #expect(OutputDirectory.directories(of: [], in: "/r") == ["/r"])
  }
}
