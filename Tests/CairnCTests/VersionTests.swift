import Testing

@testable import CairnC

@Test func theVersionOfTheBinaryInterfaceIsTheHeaders() {
  #expect(abiVersion() == 1)
  #expect(version().map { String(cString: $0) } == "0.1.0")
}
