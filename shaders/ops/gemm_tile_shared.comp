#version 450
#define SHARES_ROWS 1
#include "gemm_tile.glsl"
