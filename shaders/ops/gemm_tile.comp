#version 450
#define SHARES_ROWS 0
#include "gemm_tile.glsl"
