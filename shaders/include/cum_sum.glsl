// How the lines of a tensor along one axis are cut into chunks, one for each invocation.
#ifndef TROUPE_CUM_SUM_GLSL
#define TROUPE_CUM_SUM_GLSL

layout(push_constant) uniform parameters {
  uint lines;   // of the tensor, along the axis
  uint length;  // elements of a line
  uint inner;   // elements between neighbours of a line
  uint chunks;  // of a line
  uint chunk_length;
  uint exclusive;  // 1: an element is not part of its own sum
  uint reverse;    // 1: from the last element to the first
};

// The place of element k of a line, counted in the direction of summing.
uint place(uint line, uint k) {
  const uint along = reverse == 1 ? length - 1 - k : k;
  return line / inner * (length * inner) + along * inner + line % inner;
}

#endif
