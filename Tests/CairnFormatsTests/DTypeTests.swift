import CairnFormats
import Testing

@Test func everyElementTypeHasASize() {
  for dtype in DType.allCases { #expect(dtype.itemSize > 0) }
}
