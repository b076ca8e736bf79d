"""A zip archive whose only entry inflates to the archive itself: who unpacks what it unpacks never ends.

Made as Russ Cox describes in "Zip Files All The Way Down" (https://research.swtch.com/zip, 2010): a program in two of
deflate's instructions, "copy these bytes" and "repeat the last bytes", which prints itself between a head and a tail.
"""
import struct
import zlib

# What is repeated in the program's middle: 30 bytes, of instructions of 5 and 10.
GROUP = 30


def quine(name=b"archive/data.pkl"):
    """The archive. Its CRC-32 is a part of it, several times: the checksum of the whole is an affine function of that
    field's bits, so that the value which is its own checksum is found by linear equations."""
    nothing = zlib.crc32(archive(name, 0))
    columns = [zlib.crc32(archive(name, 1 << bit)) ^ nothing for bit in range(32)]
    # Each row: which bits of the field are in one bit of the checksum (and the bit itself), and the constant.
    rows = [
        (sum((columns[bit] >> row & 1) << bit for bit in range(32)) ^ (1 << row), nothing >> row & 1)
        for row in range(32)
    ]
    found = archive(name, solved(rows))
    assert zlib.decompressobj(-15).decompress(found[30 + len(name):]) == found
    return found


def solved(rows):
    """The bits x for which each row's (mask & x) has the row's parity."""
    value = 0
    pivots = []
    for bit in range(32):
        at = next(i for i, (mask, _) in enumerate(rows) if mask >> bit & 1 and i not in pivots)
        pivots.append(at)
        mask, constant = rows[at]
        rows = [(m ^ mask, c ^ constant) if i != at and m >> bit & 1 else (m, c) for i, (m, c) in enumerate(rows)]
    for bit, at in enumerate(pivots):
        value |= rows[at][1] << bit
    return value


def archive(name, crc):
    """The archive with a CRC-32 that need not be right."""
    length = len(program(bytes(30 + len(name)), bytes(46 + len(name) + 22)))
    total = 30 + len(name) + length + 46 + len(name) + 22
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, length, total, len(name), 0)
    head = b"PK\3\4" + fields + name
    tail = b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    tail += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(tail), len(head) + length, 0)
    return head + program(head, tail) + tail


def program(head, tail):
    """The instructions that print the head, themselves and the tail. Brackets: what a copy has in it."""
    nothing, group = copy(0), copy(GROUP)
    again = repeat([20, 10], GROUP)
    of_head = copy(len(head) + 5)
    rest = len(head) + 5
    first = repeat([rest - 10, 10], rest) + nothing
    size = len(last_repeat(len(tail) + 9)) + len(tail)
    last = last_repeat(size)
    of_tail = copy(size)
    of_first, of_copy = copy(len(first)), copy(5)
    groups = [
        first + of_copy + of_first + group,
        again + group + again + group,
        again + nothing + nothing + nothing + of_tail,
    ]
    assert [len(part) for part in groups] == [GROUP] * 3, [len(part) for part in groups]
    assert len(last) + len(tail) == size
    return b"".join([
        of_head, head, of_head,
        first,
        of_first, first,
        of_copy, of_first,
        group, groups[0], again,
        group, groups[1], again,
        group, groups[2], again, nothing, nothing, nothing,
        of_tail, last, tail, last,
    ])


def copy(length):
    """A stored block's head: the `length` bytes behind it are printed."""
    return struct.pack("<BHH", 0, length, length ^ 0xFFFF)


def repeat(lengths, distance, final=False):
    """Prints bytes of `distance` before once more, in matches of these lengths; ends with a byte."""
    bits = Bits()
    bits.add(0b010, 3)  # not the last block; fixed Huffman codes
    for length in lengths:
        bits.add_match(length, distance)
    bits.add(0, 7)  # the end of the block
    bits.add(int(final), 3)  # a stored block, of nothing
    return bits.padded() + struct.pack("<HH", 0, 0xFFFF)


def last_repeat(length):
    return repeat([length], length, final=True)


class Bits:
    """Bits as deflate packs them (RFC 1951)."""

    def __init__(self):
        self.value, self.count = 0, 0

    def add(self, value, count):
        self.value |= value << self.count
        self.count += count

    def add_code(self, code, count):
        """A Huffman code: its first bit first."""
        for bit in reversed(range(count)):
            self.add(code >> bit & 1, 1)

    def add_match(self, length, distance):
        code, extra, rest = place(length - 3, 4)
        code += 257
        if code < 280:
            self.add_code(code - 256, 7)
        else:
            self.add_code(0b11000000 + code - 280, 8)
        self.add(rest, extra)
        code, extra, rest = place(distance - 1, 2)
        self.add_code(code, 5)
        self.add(rest, extra)

    def padded(self):
        return self.value.to_bytes((self.count + 7) // 8, "little")


def place(value, same):
    """The code of a length or a distance, and its extra bits: `same` codes to each number of these, and twice as many to
    none."""
    first = code = extra = 0
    while True:
        codes = same if extra else 2 * same
        if value < first + (codes << extra):
            return code + (value - first >> extra), extra, value - first & (1 << extra) - 1
        first += codes << extra
        code += codes
        extra += 1
