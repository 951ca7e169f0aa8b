// A walk over two operands at once, each with its own stride along every axis. The host packs it (strided.hpp).
#ifndef TROUPE_STRIDED_GLSL
#define TROUPE_STRIDED_GLSL

// lane_form of strided.hpp: what one place of the walk holds of an operand.
#define SINGLE 0    // one element; then the other operand and the result have one as well
#define EIGHT 1     // eight neighbours; offsets count blocks of eight
#define REPEATED 2  // one element, used eight times

layout(push_constant) uniform strided_block {
  uint count;  // places to visit
  uint rank;   // at least 1
  int first_base;
  int second_base;
  uint extents[8];
  int first_strides[8];
  int second_strides[8];
};

// The element (or block of eight) of each operand at place i < count, counted row-major over the extents.
void locate(uint i, out uint first, out uint second) {
  int a = first_base;
  int b = second_base;
  for (int axis = int(rank) - 1; axis > 0; --axis) {
    const uint quotient = i / extents[axis];
    const int along = int(i - quotient * extents[axis]);
    a += along * first_strides[axis];
    b += along * second_strides[axis];
    i = quotient;
  }
  first = uint(a + int(i) * first_strides[0]);
  second = uint(b + int(i) * second_strides[0]);
}

#endif
