"""Files that are wrong, each in one way; bad.json says which. All of them are put together by hand (raw.py)."""
import json
import os
import struct
import zlib

from fixture_makers.raw import (call, container, integer, integers, safetensors, state, storage, tensor, text,
                                zip_entry, zip_file)
from fixture_makers.zip_quine import quine

DEEP = 100000
FLOATS = struct.pack("<4f", 1, 2, 3, 4)
GOOD = tensor([2, 2], [2, 1])


def make(folder):
    os.makedirs(folder, exist_ok=True)
    listed = {}
    for families in (zips(), pickles(), tensors(), safetensors_files()):
        for name, expectation, why, data in families:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
            listed[name] = {"expect": expectation, "why": why}
    with open(os.path.join(folder, "bad.json"), "w") as file:
        json.dump({"files": listed}, file, indent=1)
        file.write("\n")


# `error`: a reader of the format has to refuse it. `safe`: it may read it or refuse it, within bounded memory and time,
# and without doing what the file would like.

def zips():
    whole = container(state(a=GOOD), [FLOATS])
    data = zip_entry("archive/data.pkl", state(a=GOOD))
    first = zip_entry("archive/data/0", FLOATS)
    yield "zip_truncated.pt", "error", "its second half is missing, the directory with it", whole[:len(whole) // 2]
    yield "zip_without_end.pt", "error", "the last 10 bytes are missing", whole[:-10]
    yield "zip_without_start.pt", "error", "the first 100 bytes are missing, so all offsets are wrong", whole[100:]
    yield "zip_empty.pt", "error", "a zip file with no entries", zip_file([])
    inner = zip_entry("archive/data/1", FLOATS[:4])
    pickle = zip_entry("archive/data.pkl", state(
        a=tensor([12], [1], elements=12), b=tensor([1], [1], key="1", elements=1)))
    outer = zip_entry("archive/data/0", local(inner))
    yield "zip_overlapping_entries.pt", "error", "data/1, with its header, lies within the 48 bytes of data/0", broken(
        pickle, outer, again(inner, len(local(VERSION) + local(pickle) + local(outer)) - len(local(inner))))
    yield "zip_same_entry_twice.pt", "error", "two entries of the directory for one local header", broken(
        data, first, again(first, len(local(VERSION) + local(data))))
    yield "zip_entry_into_directory.pt", "error", "data/0 claims to reach beyond the start of the directory", broken(
        data, zip_entry("archive/data/0", FLOATS, size=200))
    yield "zip_entry_beyond_file.pt", "error", "data/0 claims to be 4 GB long", broken(
        data, zip_entry("archive/data/0", FLOATS, size=0xFFFFFFF0))
    yield "zip_offset_beyond_file.pt", "error", "the local header of data/0 lies beyond the file", broken(
        data, zip_entry("archive/data/0", FLOATS, offset=0x7FFFFFFF))
    yield "zip64_huge.pt", "error", "zip64 fields near 2^64: size plus offset overflows", broken(
        data, zip_entry("archive/data/0", FLOATS, size=0xFFFFFFFF, offset=0xFFFFFFFF,
                        extra=struct.pack("<HHQQQ", 1, 24, 2 ** 64 - 1, 2 ** 64 - 1, 2 ** 64 - 16)))
    yield "zip64_extra_short.pt", "error", "zip64 sizes announced, but the extra field is empty", broken(
        data, zip_entry("archive/data/0", FLOATS, size=0xFFFFFFFF))
    yield "zip_parent_name.pt", "error", "an entry is called archive/../../evil", container(
        state(a=GOOD), [FLOATS], [zip_entry("archive/../../evil", b"x")])
    yield "zip_absolute_name.pt", "error", "an entry is called /tmp/evil", container(
        state(a=GOOD), [FLOATS], [zip_entry("/tmp/evil", b"x")])
    yield "zip_name_with_zero.pt", "error", "an entry's name has a zero byte", container(
        state(a=GOOD), [FLOATS], [zip_entry("archive/a\0b", b"x")])
    yield "zip_names_differ.pt", "error", "data/0 is called otherwise in its local header", broken(
        data, zip_entry("archive/data/0", FLOATS, local_name=b"archive/data/9"))
    yield "zip_name_twice.pt", "error", "two entries are called data/0", container(
        state(a=GOOD), [FLOATS], [zip_entry("archive/data/0", FLOATS[::-1])])
    yield "zip_bad_crc32.pt", "safe", "the CRC-32 of data/0 is wrong (as PyTorch itself writes when told to)", broken(
        data, zip_entry("archive/data/0", FLOATS, crc=1))
    yield "zip_encrypted.pt", "error", "data.pkl is marked as encrypted", broken(
        zip_entry("archive/data.pkl", state(a=GOOD), flags=1), first)
    yield "zip_unknown_method.pt", "error", "data.pkl is compressed by method 99", broken(
        zip_entry("archive/data.pkl", state(a=GOOD), method=99), first)
    yield "zip_count_too_high.pt", "error", "the end record counts 5000 entries", container(
        state(a=GOOD), [FLOATS], count=5000)
    yield "zip_directory_beyond_file.pt", "error", "the end record puts the directory beyond the file", container(
        state(a=GOOD), [FLOATS], directory_offset=0x7FFFFFFF)
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(256)) + zeros.flush()
    yield "zip_bomb.pt", "safe", "data.pkl: 256 KB that inflate to 256 MiB of zeros", broken(
        zip_entry("archive/data.pkl", b"", stored=bomb, method=8, size=256 << 20, crc=0), first)
    yield "zip_quine.pt", "error", "data.pkl inflates to this very archive, and so on without end", quine()
    yield "zip_no_pickle.pt", "error", "no data.pkl", broken(first)
    yield "zip_no_storage.pt", "error", "data/0 is missing", container(state(a=GOOD))


VERSION = zip_entry("archive/version", b"3\n")


def broken(*entries):
    """A container of these entries and nothing amiss beside what they bring along."""
    return zip_file([VERSION] + list(entries))


def local(entry):
    """An entry's local header and data, as zip_file writes them."""
    name, data = entry["name"], entry["data"]
    return struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name),
                       0) + name + data


def again(entry, offset):
    """An entry of the directory for a local header that is already in the file, at `offset`."""
    repeated = dict(entry, data=b"", hidden=True)
    repeated["wrong"] = {"size": len(entry["data"]), "crc": zlib.crc32(entry["data"]), "offset": offset}
    return repeated


def pickles():
    def stored(pickle):
        return container(pickle, [FLOATS])

    yield "pickle_deep_lists.pt", "safe", "100,000 lists, one in the other", stored(
        b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".")
    yield "pickle_deep_tuples.pt", "safe", "100,000 tuples, one in the other", stored(
        b"\x80\x02N" + b"\x85" * DEEP + b".")
    yield "pickle_deep_marks.pt", "safe", "100,000 marks, then as many tuples", stored(
        b"\x80\x02" + b"(" * DEEP + b"t" * DEEP + b".")
    yield "pickle_deep_dicts.pt", "safe", "100,000 dicts, one in the other, around a tensor", stored(
        b"\x80\x02" + b"}U\x01k" * DEEP + GOOD + b"s" * DEEP + b".")
    yield "pickle_deep_objects.pt", "safe", "30,000 calls, each the argument of the next", stored(
        b"\x80\x02" + b"ccollections\nOrderedDict\nq\0" + b"h\0" * 30000 + b")R" + b"\x85R" * 29999 + b".")
    bomb = b"\x80\x02]q\0(NNNNNNNNNNe"
    for level in range(1, 40):
        bomb += b"]q" + bytes([level]) + b"(" + (b"h" + bytes([level - 1])) * 10 + b"e"
    yield "pickle_memo_bomb.pt", "safe", "10^40 lists, when walked as a tree: each holds the one before 10 times", \
        stored(bomb + b".")
    yield "pickle_tensor_bomb.pt", "safe", "the same around a tensor: 10^12 dotted names", stored(
        b"\x80\x02" + GOOD + b"q\0" + b"".join(
            b"](" + (b"h" + bytes([level - 1])) * 10 + b"eq" + bytes([level]) for level in range(1, 13)) + b".")
    yield "pickle_cycle.pt", "safe", "a list that holds itself, and a tensor", stored(
        b"\x80\x02]q\0h\0a" + GOOD + b"a.")
    yield "pickle_memo_index.pt", "safe", "memo index 2^32 - 1: no array may be made for it", stored(
        b"\x80\x02Nr\xff\xff\xff\xff.")
    yield "pickle_many_memos.pt", "safe", "200,000 entries in the memo, all the same", stored(
        b"\x80\x04N" + b"\x94" * 200000 + b".")
    yield "pickle_memo_doubling.pt", "safe", "a string of 1 KB, copied from the memo 50,000 times into a list", stored(
        b"\x80\x02]" + text("x" * 1024) + b"q\0" + b"a(" + b"h\0" * 50000 + b"e.")
    yield "pickle_missing_memo.pt", "error", "reads memo entry 7, which nobody wrote", stored(b"\x80\x02h\x07.")
    yield "pickle_no_stop.pt", "error", "ends without STOP", stored(state(a=GOOD)[:-1])
    yield "pickle_stack_underflow.pt", "error", "APPEND with nothing on the stack", stored(b"\x80\x02a.")
    yield "pickle_no_mark.pt", "error", "TUPLE without a MARK", stored(b"\x80\x02Nt.")
    yield "pickle_unknown_opcode.pt", "error", "opcode 0xff", stored(b"\x80\x02\xff.")
    yield "pickle_protocol_200.pt", "error", "protocol 200", stored(b"\x80\xc8N.")
    yield "pickle_empty.pt", "error", "data.pkl has no bytes", stored(b"")
    yield "pickle_long_text.pt", "error", "BINUNICODE8 of 2^63 bytes", stored(
        b"\x80\x04\x8d" + struct.pack("<Q", 2 ** 63) + b"x.")
    yield "pickle_longest_text.pt", "error", "BINUNICODE8 of 2^64 - 1 bytes", stored(
        b"\x80\x04\x8d" + struct.pack("<Q", 2 ** 64 - 1) + b"x.")
    yield "pickle_long_bytes.pt", "error", "BINBYTES8 of 2^62 bytes", stored(
        b"\x80\x04\x8e" + struct.pack("<Q", 2 ** 62) + b"x.")
    yield "pickle_long_bytearray.pt", "error", "BYTEARRAY8 of 2^40 bytes", stored(
        b"\x80\x05\x96" + struct.pack("<Q", 2 ** 40) + b"x.")
    yield "pickle_long_integer.pt", "error", "LONG4 of 2^31 - 1 bytes", stored(
        b"\x80\x02\x8b" + struct.pack("<i", 2 ** 31 - 1) + b"x.")
    yield "pickle_negative_length.pt", "error", "LONG4 of -1 bytes", stored(
        b"\x80\x02\x8b" + struct.pack("<i", -1) + b"x.")
    yield "pickle_long_frame.pt", "error", "FRAME of 2^63 bytes", stored(
        b"\x80\x04\x95" + struct.pack("<Q", 2 ** 63) + b"N.")
    yield "pickle_big_integer.pt", "safe", "an integer of 60,000 bytes: its decimal digits take quadratic time", stored(
        state(a=b"\x8b" + struct.pack("<i", 60000) + b"\x7f" * 60000))
    yield "pickle_bad_utf8.pt", "safe", "text that is no UTF-8", stored(state(a=b"X\x02\0\0\0\xff\xfe"))
    yield "pickle_no_newline.pt", "error", "GLOBAL whose name never ends", stored(b"\x80\x02ctorch\nFloatStor")
    yield "malicious.pt", "safe", \
        "loaded with Python's pickle it would create the file that the environment's CAIRN_CANARY names", stored(
            state(weights=GOOD, run=call("os", "system", text('test -n "$CAIRN_CANARY" && touch "$CAIRN_CANARY"'))))
    yield "malicious_eval.pt", "safe", "the same through builtins.exec and BUILD, in protocol 4", stored(
        b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93" + text(
            'import os; p = os.environ.get("CAIRN_CANARY"); p and open(p, "w").close()') + b"\x85R}b.")


def tensors():
    def stored(value, bytes_=FLOATS):
        return container(state(a=value), [bytes_])

    yield "tensor_storage_short.pt", "error", "data/0 has 8 bytes, the pickle says 4 float32", stored(GOOD, FLOATS[:8])
    yield "tensor_storage_long.pt", "safe", "data/0 has 32 bytes, the pickle says 4 float32", stored(GOOD, FLOATS * 2)
    yield "tensor_beyond_storage.pt", "error", "10 × 10 elements in a storage of 4", stored(tensor([10, 10], [10, 1]))
    yield "tensor_offset_beyond.pt", "error", "starts at element 3, needs 4 of 4", stored(tensor([2, 2], [2, 1], 3))
    yield "tensor_offset_negative.pt", "error", "starts at element -1", stored(tensor([2], [1], -1))
    yield "tensor_offset_huge.pt", "error", "starts at element 2^62: times 4 it overflows", stored(
        tensor([1], [1], 2 ** 62))
    yield "tensor_stride_negative.pt", "error", "stride -1", stored(tensor([2], [-1], 2))
    yield "tensor_stride_huge.pt", "error", "strides of 2^62: the extent overflows", stored(
        tensor([3, 3], [2 ** 62, 2 ** 62]))
    yield "tensor_shape_negative.pt", "error", "shape [-2]", stored(tensor([-2], [1]))
    yield "tensor_shape_huge.pt", "safe", "2^62 × 4 elements by stride 0: the number of elements overflows", stored(
        tensor([2 ** 62, 4], [0, 0]))
    yield "tensor_expanded_huge.pt", "safe", "2^40 elements by stride 0 on 4 bytes: to copy it out takes 4 TiB", stored(
        tensor([2 ** 40], [0]))
    yield "tensor_bytes_huge.pt", "safe", "2^62 elements by stride 0: their number fits, their bytes overflow", stored(
        tensor([2 ** 62], [0]))
    yield "tensor_empty_stride_huge.pt", "safe", "shape (2, 0), whose strides are of no account: one is 2^63 - 1", stored(
        tensor([2, 0], [2 ** 63 - 1, 1]))
    yield "tensor_empty_shape_huge.pt", "safe", "2^40 × 2^40 × 0 elements: none, though two sizes overflow", stored(
        tensor([2 ** 40, 2 ** 40, 0], [0, 0, 1]))
    yield "tensor_shape_beyond_int64.pt", "error", "shape [2^70]", stored(tensor([2 ** 70], [1]))
    yield "tensor_rank_differs.pt", "error", "2 dimensions, 1 stride", stored(tensor([2, 2], [1]))
    yield "tensor_many_dimensions.pt", "safe", "5,000 dimensions of 1", stored(tensor([1] * 5000, [1] * 5000))
    yield "tensor_storage_huge.pt", "error", "the pickle says that the storage has 2^62 elements", stored(
        tensor([2], [1], elements=2 ** 62))
    yield "tensor_storage_negative.pt", "error", "the pickle says that the storage has -4 elements", stored(
        tensor([2], [1], elements=-4))
    yield "tensor_two_sizes.pt", "error", "two tensors disagree on the length of their storage", container(
        state(a=GOOD, b=tensor([8], [1], elements=8)), [FLOATS])
    yield "tensor_key_is_path.pt", "error", "its storage is called ../../../../etc/passwd", stored(
        tensor([2], [1], key="../../../../etc/passwd"))
    yield "tensor_key_is_number.pt", "safe", "the storage's key is a number where PyTorch has text", stored(
        call("torch._utils", "_rebuild_tensor_v2", storage("0", 4).replace(text("0"), integer(0)), integer(0),
             integers([2]), integers([1]), b"\x89", call("collections", "OrderedDict")))
    yield "tensor_persistent_id.pt", "error", "the persistent id is no tuple", stored(b"NQ")
    yield "tensor_unknown_storage.pt", "safe", "a storage of the class torch.NoSuchStorage", stored(
        tensor([2], [1], kind="NoSuchStorage"))
    yield "tensor_few_arguments.pt", "safe", "_rebuild_tensor_v2 called with nothing", stored(
        call("torch._utils", "_rebuild_tensor_v2"))
    yield "tensor_wrong_arguments.pt", "safe", "_rebuild_tensor_v2 called with text", stored(
        call("torch._utils", "_rebuild_tensor_v2", *[text("x")] * 6))


def safetensors_files():
    def entry(start, end, shape=(4,), dtype="F32"):
        return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}

    def named(name, why, header, data=FLOATS, length=None, expectation="error"):
        return "safetensors_%s.safetensors" % name, expectation, why, safetensors(header, data, length)

    yield named("header_2_63", "the header says it has 2^63 bytes", {"a": entry(0, 16)}, length=2 ** 63)
    yield named("header_2_64", "the header says it has 2^64 - 1 bytes", {"a": entry(0, 16)}, length=2 ** 64 - 1)
    yield named("header_beyond_file", "the header says it has 1 GB", {"a": entry(0, 16)}, length=10 ** 9)
    yield named("header_empty", "a header of no bytes", b"")
    yield named("header_no_json", "the header is no JSON", b'{"a":')
    yield named("header_list", "the header is a JSON list", b"[]", b"")
    yield named("header_no_utf8", "the header is no UTF-8", b'{"\xff":1}', b"")
    yield named("header_deep", "100,000 lists, one in the other", b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}", b"")
    yield named("header_deep_metadata", "metadata that nests 50,000 deep",
                b'{"__metadata__":' + b'{"a":' * 50000 + b"1" + b"}" * 50000 + b"}", b"")
    yield named("metadata_number", "a metadata value is a number", {"__metadata__": {"epoch": 3}, "a": entry(0, 16)})
    yield named("name_twice", "two tensors are called a", b'{"a":%s,"a":%s}' % (
        (json.dumps(entry(0, 8, [2])).encode(),) + (json.dumps(entry(8, 16, [2])).encode(),)))
    yield named("overlap", "the tensors' bytes overlap", {"a": entry(0, 12, [3]), "b": entry(8, 16, [2])})
    yield named("same_bytes", "two tensors have the same bytes", {"a": entry(0, 16), "b": entry(0, 16)})
    yield named("gap", "8 bytes between the tensors belong to none", {"a": entry(0, 4, [1]), "b": entry(12, 16, [1])})
    yield named("rest", "8 bytes after the last tensor", {"a": entry(0, 8, [2])})
    yield named("beyond_file", "the tensor ends beyond the file", {"a": entry(0, 64, [16])})
    yield named("truncated", "the last 4 bytes are missing", {"a": entry(0, 16)}, FLOATS[:12])
    yield named("reversed", "the end lies before the start", {"a": entry(16, 0)})
    yield named("negative", "the start is -16", {"a": entry(-16, 0)})
    yield named("fraction", "the end is 15.5", {"a": entry(0, 15.5)})
    yield named("offset_huge", "the end is 2^64", {"a": entry(0, 2 ** 64)})
    yield named("size_differs", "shape [5] of F32 in 16 bytes", {"a": entry(0, 16, [5])})
    yield named("shape_huge", "2^62 × 4 elements: their number overflows to 0", {"a": entry(0, 0, [2 ** 62, 4])}, b"")
    yield named("shape_negative", "shape [-4]", {"a": entry(0, 16, [-4])})
    yield named("shape_negative_twice", "shape [-2, -2]: 4 elements", {"a": entry(0, 16, [-2, -2])})
    yield named("unknown_dtype", "dtype F7", {"a": entry(0, 16, [4], "F7")})
    yield named("no_dtype", "no dtype", {"a": {"shape": [4], "data_offsets": [0, 16]}})
    yield named("three_offsets", "three offsets", {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16, 16]}})
    yield "safetensors_seven_bytes.safetensors", "error", "7 bytes in all", b"\x02\0\0\0\0\0\0"
