import Cairn
import Glibc

/// Makes a directory and those above it that are not there; `path` is absolute.
func makeDirectories(_ path: String) throws {
  var made = ""
  for part in path.split(separator: "/") {
    made += "/" + part
    guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
    throw CairnError.system("make the directory", made, errno)
  }
}
