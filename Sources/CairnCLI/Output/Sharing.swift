/// How much of the logical bytes need not be stored, in words; nil if that is nothing.
func sharing(logical: Int, stored: Int) -> String? {
  guard logical > stored, logical > 0 else { return nil }
  let percent = Int((1 - Double(stored) / Double(logical)) * 100)
  return percent > 0 ? "\(percent) % less" : nil
}
