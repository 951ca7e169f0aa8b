// Who shares a row. With SUBGROUP_ROWS, 1 or 0: the eight invocations of a subgroup, without barriers, which drivers for
// the CPU pay dearly for; else a workgroup of 64. The kernel must have included indexing.glsl and reduce.glsl.
//
// ROW: the invocation's row; every invocation of a row leaves together when it is past the last one. LANE of LANES: the
// invocation's place in its row. row_sum(), row_maximum(): over all lanes, in a fixed order; all lanes get the result.
#ifndef TROUPE_ROW_LANES_GLSL
#define TROUPE_ROW_LANES_GLSL

#if SUBGROUP_ROWS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define LANES 8
#define LANE (gl_LocalInvocationID.x % 8)
#define ROW (group_index() * 8 + gl_LocalInvocationID.x / 8)

// Shuffles from constant lanes are one instruction each; a tree would cost more.
#define TROUPE_ROW_REDUCE(name, join)                                                             \
  float name(float value) {                                                                       \
    const float a = join(join(subgroupShuffle(value, 0), subgroupShuffle(value, 1)),              \
                         join(subgroupShuffle(value, 2), subgroupShuffle(value, 3)));             \
    const float b = join(join(subgroupShuffle(value, 4), subgroupShuffle(value, 5)),              \
                         join(subgroupShuffle(value, 6), subgroupShuffle(value, 7)));             \
    return join(a, b);                                                                            \
  }
TROUPE_ROW_REDUCE(row_sum, reduce_add)
TROUPE_ROW_REDUCE(row_maximum, max)
#else
#define LANES 64
#define LANE gl_LocalInvocationID.x
#define ROW group_index()
#define row_sum(value) group_sum(value)
#define row_maximum(value) group_maximum(value)
#endif

#endif
