import ArgumentParser

/// `n/m`: the n-th of m parts.
struct Subset: ExpressibleByArgument {
  var part: Int
  var count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let part = Int(parts[0]), let count = Int(parts[1]), part >= 1, part <= count else {
      return nil
    }
    self.part = part
    self.count = count
  }
}
