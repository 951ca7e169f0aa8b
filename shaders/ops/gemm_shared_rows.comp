#version 450
// Few rows: every invocation has one column of all of them.
#define TILE_ROWS 4
#define OWN_ROWS 4
#define OWN_COLUMNS 1
#include "gemm_shared.glsl"
