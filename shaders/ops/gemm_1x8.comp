#version 450
#define TILE_ROWS 1
#include "gemm.glsl"
