import Foundation
import Testing

extension Program {
  /// Runs `cairn` in a terminal of this many columns; what the terminal was sent.
  func runInTerminal(_ arguments: String..., columns: UInt16, environment: [String: String] = [:]) throws -> String {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
    var number: Int32 = 0
    var locked: Int32 = 0
    // TIOCGPTN and TIOCSPTLCK (ioctl_tty(2)), which Swift does not import: what ptsname and unlockpt do.
    try #require(master >= 0 && ioctl(master, 0x8004_5430, &number) == 0 && ioctl(master, 0x4004_5431, &locked) == 0)
    let name = "/dev/pts/\(number)"
    let terminal = FileHandle(fileDescriptor: open(name, O_RDWR | O_NOCTTY), closeOnDealloc: true)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(terminal.fileDescriptor, UInt(TIOCSWINSZ), &size) == 0)
    let process = try process(arguments, in: nil, environment: environment)
    process.standardOutput = terminal
    process.standardError = terminal
    try process.run()
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(master, &room, room.count)
      if count > 0 {
        bytes += room[..<count]
      } else if !process.isRunning {
        break
      } else {
        usleep(5_000)
      }
    }
    process.waitUntilExit()
    close(master)
    return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }
}
