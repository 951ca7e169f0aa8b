// Rows of a small operand that a tile needs, eight elements of each at a time. With SHARES_ROWS, 1 or 0, the eight
// invocations of a subgroup need the same ones: each loads every eighth row and hands it to the others.
#ifndef TROUPE_SUBGROUP_ROWS_GLSL
#define TROUPE_SUBGROUP_ROWS_GLSL

#ifndef TILE_ROWS
#define TILE_ROWS 8
#endif

#if SHARES_ROWS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define OWN_ROWS (TILE_ROWS / 8)
#define own_row(r) (8 * (r) + gl_SubgroupInvocationID)
#define from_owner(own, row, k) subgroupShuffle(own[(row) / 8][k], (row) % 8)
#else
#define OWN_ROWS TILE_ROWS
#define own_row(r) (r)
#define from_owner(own, row, k) own[row][k]
#endif

#endif
