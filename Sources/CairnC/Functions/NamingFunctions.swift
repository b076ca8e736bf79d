import Cairn

@c(cairn_tag)
public func tag(
  _ handle: OpaquePointer?, _ tag: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?, _ report: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    try give(JSONValue(try repository.tag(text(tag, "tag"), PathName(parsing: text(name, "name")))), report)
  }
}

@c(cairn_untag)
public func untag(
  _ handle: OpaquePointer?, _ tag: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    try give(JSONValue(try Handle.object(handle, Repository.self).untag(text(tag, "tag"))), report)
  }
}

@c(cairn_tags)
public func tags(_ handle: OpaquePointer?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) {
    let tags = try Handle.object(handle, Repository.self).tags()
    try give(.array(tags.map { JSONValue(tag: $0.tag, $0.checkpoint) }), result)
  }
}

@c(cairn_move)
public func move(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ path: UnsafePointer<CChar>?, _ report: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    try give(JSONValue(try repository.move(PathName(parsing: text(name, "name")), to: text(path, "path"))), report)
  }
}

@c(cairn_annotate)
public func annotate(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ annotation: UnsafePointer<CChar>?,
  _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(annotation, "annotation")
    var wanted = Annotation()
    wanted.metrics = try members.numbers("metrics") ?? [:]
    wanted.metadata = try members.object("metadata") ?? [:]
    wanted.unset = try members.strings("unset") ?? []
    try members.end()
    try give(JSONValue(try repository.annotate(PathName(parsing: text(name, "name")), wanted)), report)
  }
}
