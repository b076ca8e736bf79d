import Cairn
import Testing

@Test(arguments: [
  JSONValue.null, true, 1, -7, 0.5, "a/b \"ü\"", [1, "x", nil], ["b": [true], "a": ["nested": 1e300]],
])
func valuesComeBackFromTheirJSON(_ value: JSONValue) throws {
  #expect(try JSONValue(parsing: value.serialized()) == value)
}

@Test func numbersThatJSONLacksBecomeStrings() {
  #expect(JSONValue(Double.nan) == "NaN")
  #expect(JSONValue(-Double.infinity) == "-Infinity")
}
