#if FUZZ
  import Glibc

  /// What libFuzzer calls for each input; CAIRN_FUZZ says which reader gets it.
  @c(LLVMFuzzerTestOneInput)
  public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    reader.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
  }

  private let reader: FuzzedReader = {
    guard let name = getenv("CAIRN_FUZZ").map({ String(cString: $0) }), let reader = FuzzedReader(rawValue: name) else {
      preconditionFailure("CAIRN_FUZZ names none of \(FuzzedReader.allCases.map(\.rawValue))")
    }
    return reader
  }()
#endif
