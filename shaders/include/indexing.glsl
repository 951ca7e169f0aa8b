// Indices of invocations and elements.
#ifndef TROUPE_INDEXING_GLSL
#define TROUPE_INDEXING_GLSL

// The invocation's place in a one-dimensional range that the host folded over x and y (groups_for in operator.hpp).
// Larger than the range for the last few: compare and return. A macro, because gl_WorkGroupSize is 1 for the compiler as
// long as it has not read the kernel's local_size_x, which comes after this file.
#define global_index() \
  (gl_GlobalInvocationID.y * (gl_NumWorkGroups.x * gl_WorkGroupSize.x) + gl_GlobalInvocationID.x)

// The workgroup's place in a range folded the same way with a group size of 1.
uint group_index() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

#endif
