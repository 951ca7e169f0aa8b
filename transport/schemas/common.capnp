@0xede36cdf09b89d1f;
# Values that several records share. The rules for all schema files are in `transport/README.md`: new fields get the
# next number, numbers are never reused, and a reader checks every value before it uses it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire::schema");

struct Error {
  # A failure, as `troupe::error`.

  code @0 :UInt8;
  # A value of `troupe::errc`. A code that the reader does not know makes the message invalid.

  message @1 :Text;
  # One sentence, at most 8192 bytes; the sender cuts longer ones.

  trail @2 :List(Text);
  # What was being done, innermost first; at most 32 entries.
}

struct NodeId {
  # 128 random bits drawn at the start of a process. All zero: nobody.

  high @0 :UInt64;
  low @1 :UInt64;
}

struct ActorRef {
  # One actor on one node. The numbers of actors are chosen by their node and not reused while it runs.

  node @0 :NodeId;

  actor @1 :UInt64;

  address @2 :Text;
  # "HOST:PORT" where that node accepts links, so that somebody who has no link to it yet can make one. May be empty.
}

struct Tensor {
  # Dense row-major elements, little-endian.

  type @0 :UInt8;
  # A value of `troupe::dtype`. Elements of `boolean` are one byte, 0 or 1.

  dims @1 :List(Int64);
  # Extents, outermost first; at most 8, none negative. Empty: a scalar.

  union {
    inline @2 :Data;
    # The elements themselves, when they take at most 4096 bytes.

    attachment @3 :UInt32;
    # Index of the message's attachment that is the elements: its size is exactly theirs. No two tensors of a message
    # name the same attachment, so nobody can make a reader hold more than was sent.
  }
}
