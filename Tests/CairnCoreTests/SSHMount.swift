import Foundation

@testable import CairnCore

/// A directory of this host mounted by sshfs, which speaks to a server of its own through a pipe: no network, no key.
final class SSHMount {
  let path: String
  private let pipe = Process()

  private static let server = "/usr/lib/openssh/sftp-server"

  private struct NotMounted: Error {}

  /// Whether this machine has the programs, and lets this user mount: tried, since a container may refuse it.
  static let isPossible =
    access("/dev/fuse", R_OK | W_OK) == 0
    && [server, "/usr/bin/sshfs", "/usr/bin/socat", "/usr/bin/fusermount3"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: $0)
    } && (try? SSHMount(of: NSTemporaryDirectory())) != nil

  init(of directory: String) throws {
    path = NSTemporaryDirectory() + "cairn-mount-" + randomID(bytes: 6)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    pipe.executableURL = URL(fileURLWithPath: "/usr/bin/socat")
    pipe.arguments = ["EXEC:\(Self.server)", "EXEC:sshfs -f -o passive \\:\(directory) \(path)"]
    try pipe.run()
    let end = Date() + 30
    while Mount.holding(path)?.point != path {
      guard pipe.isRunning, Date() < end else { throw NotMounted() }
      usleep(10_000)
    }
  }

  deinit {
    let unmount = Process()
    unmount.executableURL = URL(fileURLWithPath: "/usr/bin/fusermount3")
    unmount.arguments = ["-u", "-z", path]
    if (try? unmount.run()) != nil { unmount.waitUntilExit() }
    pipe.terminate()
    pipe.waitUntilExit()
    rmdir(path)
  }
}
