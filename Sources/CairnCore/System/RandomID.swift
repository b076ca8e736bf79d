/// `count` random bytes from the operating system, as lower-case hexadecimal.
func randomID(bytes count: Int = 16) -> String {
  var generator = SystemRandomNumberGenerator()
  var text = ""
  for _ in 0..<count {
    let byte = UInt8.random(in: .min ... .max, using: &generator)
    text += hexDigits(byte)
  }
  return text
}

/// Two lower-case hexadecimal digits.
func hexDigits(_ byte: UInt8) -> String {
  let digits = Array("0123456789abcdef")
  return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
}
