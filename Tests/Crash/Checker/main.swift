import Foundation

// Looks at repositories, as what a crash or a failing disk has left, and says what is in them: a line of JSON on standard
// input names one, a line of JSON on standard output answers.

let encoder = JSONEncoder()
encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
while let line = readLine() {
  let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
  let answer = try encoder.encode(Examination(request).run())
  FileHandle.standardOutput.write(answer + Data("\n".utf8))
}
