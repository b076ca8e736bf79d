"""Zip containers, pickles and safetensors files put together byte by byte, so that each can be wrong in one way."""
import json
import struct
import zlib


def zip_entry(name, data, **wrong):
    """One stored record. `wrong` replaces what its headers say: crc, size, offset, local_name, method, stored."""
    return {"name": name.encode(), "data": data, "wrong": wrong}


def zip_file(entries, **wrong):
    """`wrong` replaces fields of the end record: count, directory_size, directory_offset, comment_length."""
    body = b""
    directory = b""
    for entry in entries:
        fields = {"crc": zlib.crc32(entry["data"]), "size": len(entry["data"]), "offset": len(body), "method": 0,
                  "flags": 0, "local_name": entry["name"], "extra": b"", "stored": None}
        fields.update(entry["wrong"])
        stored = fields["stored"] if fields["stored"] is not None else entry["data"]
        compressed = len(stored) if fields["stored"] is not None else fields["size"]
        common = struct.pack("<HHHHIII", fields["flags"], fields["method"], 0, 33, fields["crc"], compressed,
                             fields["size"])
        directory += struct.pack("<IHH", 0x02014B50, 20, 20) + common + struct.pack(
            "<HHHHHII", len(entry["name"]), len(fields["extra"]), 0, 0, 0, 0, fields["offset"])
        directory += entry["name"] + fields["extra"]
        if entry.get("hidden"):  # in the directory only
            continue
        body += struct.pack("<IH", 0x04034B50, 20) + common + struct.pack("<HH", len(fields["local_name"]), 0)
        body += fields["local_name"] + stored
    end = {"count": len(entries), "directory_size": len(directory), "directory_offset": len(body), "comment_length": 0}
    end.update(wrong)
    return body + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, end["count"], end["count"],
                                          end["directory_size"], end["directory_offset"], end["comment_length"])


def container(pickle, storages=(), entries=(), stem="archive", **wrong):
    """A PyTorch container with this data.pkl and these storages (bytes)."""
    records = [zip_entry(stem + "/data.pkl", pickle), zip_entry(stem + "/byteorder", b"little")]
    records += [zip_entry("%s/data/%d" % (stem, key), data) for key, data in enumerate(storages)]
    records += [zip_entry(stem + "/version", b"3\n")]
    return zip_file(records + list(entries), **wrong)


# Opcodes of Python's pickletools.

def integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -2 ** 31 <= value < 2 ** 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def call(module, name, *arguments):
    return b"c%s\n%s\n(" % (module.encode(), name.encode()) + b"".join(arguments) + b"tR"


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(key, elements, kind="FloatStorage", location="cpu"):
    return b"(" + text("storage") + b"ctorch\n%s\n" % kind.encode() + text(key) + text(location) + integer(
        elements) + b"tQ"


def tensor(shape, strides, offset=0, key="0", elements=4, kind="FloatStorage"):
    return call("torch._utils", "_rebuild_tensor_v2", storage(key, elements, kind), integer(offset), integers(shape),
                integers(strides), b"\x89", call("collections", "OrderedDict"))


def state(**items):
    """A complete pickle of protocol 2: a dict of the given, already pickled, values."""
    return b"\x80\x02}(" + b"".join(text(key) + value for key, value in items.items()) + b"u."


def safetensors(header, data=b"", length=None):
    """`header` is a dict or bytes; `length` is what the file says of its length."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data
