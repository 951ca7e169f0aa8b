@0xcd01131a4e64c4b2;
# The typed operator graph of `troupe/engine/graph.hpp`. The reader runs the engine's `validate` on what it decoded, so
# ids in range, unique names and the order of nodes need no words here.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire::schema");

using Common = import "common.capnp";

struct Dimension {
  extent @0 :Int64;
  # -1 when it is known only at run time.

  symbol @1 :Text;
  # Name of the unknown, e.g. "batch"; may be empty.
}

struct Value {
  # A tensor-valued edge. Its id is its position in `Graph.values`.

  name @0 :Text;

  type @1 :UInt8;
  # A value of `troupe::dtype`; meaningful when `typeKnown`, valid always.

  typeKnown @2 :Bool;

  rankKnown @3 :Bool;
  # When false, `dims` is empty and says nothing.

  dims @4 :List(Dimension);
}

struct Attribute {
  name @0 :Text;
  # Unique within its node.

  union {
    integer @1 :Int64;
    real @2 :Float32;
    text @3 :Data;
    # Data, not Text: ONNX strings are bytes.
    integers @4 :List(Int64);
    reals @5 :List(Float32);
    texts @6 :List(Data);
    tensor @7 :Common.Tensor;

    body @8 :Graph;
    # What an If, a Loop, a Scan or a SequenceMap runs; see `troupe::subgraph`.
  }
}

struct Node {
  op @0 :Text;
  domain @1 :Text;
  name @2 :Text;
  version @3 :Int32;

  inputs @4 :List(UInt32);
  # Ids of values; 0xffffffff marks an omitted operand, here and in `outputs`.

  outputs @5 :List(UInt32);

  attributes @6 :List(Attribute);
  # In the order of their names.
}

struct Constant {
  value @0 :UInt32;
  data @1 :Common.Tensor;
}

struct Note {
  key @0 :Text;
  # Unique within its graph.

  value @1 :Text;
}

struct Graph {
  name @0 :Text;
  values @1 :List(Value);
  nodes @2 :List(Node);
  inputs @3 :List(UInt32);
  outputs @4 :List(UInt32);

  constants @5 :List(Constant);
  # In the order of their ids, each id once.

  metadata @6 :List(Note);
  # In the order of their keys.

  states @7 :List(UInt32);
  # Ids of values that the program keeps from run to run.
}
